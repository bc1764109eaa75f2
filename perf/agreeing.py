"""What the scripts `agree_*.py` share: references and programs judged, what fails printed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from codedpo.benchmarks import Problem
from codedpo.benchmarks.judging import Judgement, judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.evaluate import LIMITS
from codedpo.sandbox import Sandbox

DATA = Path(os.environ.get("CODEDPO_DATA", "../shared/data"))
WORKERS = len(os.sched_getaffinity(0))


def judged(items: Sequence[tuple[Problem, str]], folder: Path) -> list[Judgement]:
    """The verdicts on programs; those of problems whose reference breaks before its last call are judged too."""
    oracle = Oracle(folder)
    with Sandbox(workers=WORKERS, limits=LIMITS) as sandbox:
        oracle.prepare(list({problem.id: problem for problem, _ in items}.values()), sandbox)
        return judge(items, sandbox, oracle)


def print_references(title: str, problems: Sequence[Problem], folder: Path) -> None:
    """How many references pass, how many problems are judged outside, and why references fail."""
    start = time.monotonic()
    found = judged([(problem, problem.reference) for problem in problems], folder)
    outside = sum(not problem.test for problem in problems)
    calls = sum(len(inputs.arguments) for problem in problems for inputs in problem.inputs)
    passed = sum(judgement.passed for judgement in found)
    print(
        f"{title}: {passed} of {len(problems)} references pass; {outside} judged outside by {calls} calls, "
        f"{len(problems) - outside} by statements ({time.monotonic() - start:.0f} s)"
    )
    for problem, judgement in zip(problems, found, strict=True):
        if not judgement.passed:
            print(f"  {problem.id}: {judgement.reason[:300]}")
