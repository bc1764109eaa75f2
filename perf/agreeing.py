"""What the scripts `agree_*.py` share: references and programs judged, what fails printed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from codedpo.benchmarks import Problem
from codedpo.benchmarks.judging import Judgement, judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.evaluate import LIMITS, require_references
from codedpo.sandbox import Sandbox

DATA = Path(os.environ.get("CODEDPO_DATA", "../shared/data"))
WORKERS = len(os.sched_getaffinity(0))


def judged(items: Sequence[tuple[Problem, str]], folder: Path, python: str = "") -> list[Judgement]:
    """The verdicts on programs.

    Args:
        python: the interpreter of another environment, as `sandbox.python`.
    """
    oracle = Oracle(folder)
    with Sandbox(workers=WORKERS, limits=LIMITS, python=python) as sandbox:
        oracle.prepare(list({problem.id: problem for problem, _ in items}.values()), sandbox)
        return judge(items, sandbox, oracle)


def print_references(title: str, problems: Sequence[Problem], folder: Path, python: str = "") -> list[Problem]:
    """Print how many references pass, how many problems are judged outside, and why references fail.

    Returns:
        the problems whose reference passes.
    """
    start = time.monotonic()
    with Sandbox(workers=WORKERS, limits=LIMITS, python=python) as sandbox:
        passed = require_references(problems, sandbox, Oracle(folder), least=0)
        faults = Oracle(folder).prepare(problems, sandbox)
    outside = sum(not problem.test for problem in problems)
    calls = sum(len(inputs.arguments) for problem in problems for inputs in problem.inputs)
    print(
        f"{title}: {len(passed)} of {len(problems)} references pass; {outside} judged outside by {calls} calls, "
        f"{len(problems) - outside} by statements ({time.monotonic() - start:.0f} s)"
    )
    print("".join(f"  {name}: {fault[:300]}\n" for name, fault in faults.items()), end="", flush=True)
    return passed
