"""Programs that LiveCodeBench's authors graded (all tests) judged here (public tests), and where the two differ.

    python perf/agree_livecodebench.py lcb_public_400.jsonl.gz O1-Mini-2024-09-12_eval_all.json.gz

One way only: what passed all of their tests must pass the public ones, which are some of them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from pathlib import Path

from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.livecodebench import LiveCodeBench
from codedpo.benchmarks.oracle import Oracle
from codedpo.evaluate import LIMITS
from codedpo.sandbox import Sandbox


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
        (problems[row["question_id"]], code, grade)
        for row in rows
        for code, grade in zip(row["code_list"], row["graded_list"], strict=True)
    ]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        oracle = Oracle(Path(folder))
        with Sandbox(workers=arguments.workers, limits=LIMITS, python=arguments.python) as sandbox:
            oracle.prepare(list(problems.values()), sandbox)
            found = judge([(problem, code) for problem, code, _ in cases], sandbox, oracle)
    seconds = time.monotonic() - start
    theirs, ours = sum(grade for _, _, grade in cases), sum(judgement.passed for judgement in found)
    print(f"{len(cases)} programs in {seconds:.0f} s: {theirs} graded as right, {ours} pass the public tests here")
    for right in (True, False):
        both = [judgement for (_, _, grade), judgement in zip(cases, found, strict=True) if grade == right]
        print(f"graded {right}: {sum(judgement.passed for judgement in both)} of {len(both)} pass")
    for (problem, _, grade), judgement in zip(cases, found, strict=True):
        if grade and not judgement.passed:
            print(f"graded True, {judgement.outcome.name.lower()} here: {problem.id}: {judgement.reason}")


if __name__ == "__main__":
    main()
