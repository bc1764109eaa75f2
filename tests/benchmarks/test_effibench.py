"""EffiBench's format, on a row made by hand after upstream's programs: the published file could not be had."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from codedpo.benchmarks.effibench import EffiBench
from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.benchmarks.run_times import UNMEASURED, run_time
from codedpo.errors import RecordError
from codedpo.evaluate import require_references
from codedpo.sandbox import Sandbox

FAST = "class Solution:\n    def total(self, n):\n        return n * (n - 1) // 2"
ROW = {
    "problem_idx": 7,
    "task_name": "Sum below",
    "markdown_description": "Sum of the numbers below n.",
    "canonical_solution": FAST,
    "test_case_generator": "...",
    "test_case": "\nassert solution.total(10) == 45\nassert solution.total(100) == 4950\n",
    "small_test_cases": "assert solution.total(3) == 3",
}


def written(folder: Path) -> EffiBench:
    path = folder / "effibench.json.gz"
    path.write_bytes(gzip.compress(json.dumps([ROW]).encode()))
    return EffiBench(path=str(path))


def test_programs_are_judged_by_the_published_test(tmp_path: Path) -> None:
    (problem,) = written(tmp_path).problems()
    assert problem.id == "EffiBench/7" and problem.prompts is not None
    assert "Sum of the numbers" in problem.prompts.chat and "total(3) == 3" in problem.prompts.chat
    oracle = Oracle(tmp_path)
    with Sandbox() as sandbox:
        assert require_references([problem], sandbox, oracle) == [problem]
        programs = [FAST.replace("n * (n - 1) // 2", "sum(range(n))"), FAST.replace("// 2", "// 3")]
        assert [found.passed for found in judge([(problem, one) for one in programs], sandbox, oracle)] == [True, False]


def test_run_times_are_those_of_programs_that_pass(tmp_path: Path) -> None:
    (problem,) = written(tmp_path).problems()
    slow = FAST.replace("return", "sum(range(5000))\n        return")
    with Sandbox() as sandbox:
        found = run_time(problem, slow, sandbox, Oracle(tmp_path))
        # 5000 additions against one: which is which is no matter of the clock
        assert found.values["seconds"] > found.values["canonical_seconds"] > 0 and not found.reason
        assert found.trusted
        broken = run_time(problem, "class Solution: ...", sandbox, Oracle(tmp_path))
        assert not broken.values and broken.reason == UNMEASURED
        doubtful = run_time(problem, f"import sys\nsys.setswitchinterval(1)\n{FAST}", sandbox, Oracle(tmp_path))
        assert doubtful.values and not doubtful.trusted
        alone = run_time(replace(problem, reference=""), FAST, sandbox, Oracle(tmp_path))
        assert alone.reason == "there is no published solution to compare it with"


def test_missing_file_is_named() -> None:
    with pytest.raises(RecordError, match=r"name a local copy of the data in benchmarks\.effibench\.path"):
        EffiBench().problems()
