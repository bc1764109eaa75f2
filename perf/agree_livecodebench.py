"""Programs that LiveCodeBench's authors graded, judged here by the public tests, and where the two differ.

    python perf/agree_livecodebench.py lcb_public_400.jsonl.gz O1-Mini-2024-09-12_eval_all.json.gz

Their grade is of all tests, public ones first, up to the first that fails, whose input is told. So a program passed the
public ones where it is graded True, or where that input is none of them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from codedpo.benchmarks import Problem
from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.livecodebench import LiveCodeBench
from codedpo.benchmarks.oracle import Oracle
from codedpo.evaluate import LIMITS
from codedpo.sandbox import Sandbox

_SHOWN = 300


def _passed_public(problem: Problem, grade: bool, told: dict[str, Any]) -> bool:
    """Whether its authors saw a program pass the public tests."""
    given = [
        arguments if problem.entry_point == "" else (list(arguments),) for arguments in problem.inputs[0].arguments
    ]
    return grade or told["inputs"] not in {_truncated(str(text)) for (text,) in given}


def _truncated(text: str) -> str:
    """As testing_util.py tells of long inputs."""
    half = _SHOWN // 2
    return text if len(text) <= _SHOWN else f"{text[:half]}...(truncated) ...{text[-half:]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", type=Path, help="published problems, as benchmarks.livecodebench.path")
    parser.add_argument("graded", type=Path, help="a model's published codes and grades")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--python", default="", help="as sandbox.python, for programs that import other packages")
    arguments = parser.parse_args()
    problems = {problem.id: problem for problem in LiveCodeBench(path=str(arguments.problems)).problems()}
    with gzip.open(arguments.graded, "rt", encoding="utf-8") as file:
        rows = [row for row in json.load(file) if row["question_id"] in problems]
    cases = [
        (problems[row["question_id"]], code, grade, json.loads(told))
        for row in rows
        for code, grade, told in zip(row["code_list"], row["graded_list"], row["metadata"], strict=True)
    ]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        oracle = Oracle(Path(folder))
        with Sandbox(workers=arguments.workers, limits=LIMITS, python=arguments.python) as sandbox:
            oracle.prepare(list(problems.values()), sandbox)
            found = judge([(problem, code) for problem, code, *_ in cases], sandbox, oracle)
    print(f"{len(cases)} programs in {time.monotonic() - start:.0f} s")
    theirs = [_passed_public(problem, grade, told) for problem, _, grade, told in cases]
    for name, chosen in (
        ("graded True", [grade for _, _, grade, _ in cases]),
        (
            "graded False, failed a test that is not public",
            [p and not c[2] for p, c in zip(theirs, cases, strict=True)],
        ),
        ("graded False, failed a public test", [not passed for passed in theirs]),
    ):
        ours = [judgement.passed for judgement, taken in zip(found, chosen, strict=True) if taken]
        print(f"{name}: {sum(ours)} of {len(ours)} pass the public tests here")
    for (problem, _, grade, told), passed, judgement in zip(cases, theirs, found, strict=True):
        if passed != judgement.passed:
            said = told.get("error_message", "")
            print(f"{problem.id}: graded {grade} {said}; {judgement.outcome.name.lower()} here: {judgement.reason}")


if __name__ == "__main__":
    main()
