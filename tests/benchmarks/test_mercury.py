"""Mercury's format, on a row made by hand after the data set's card: the published file could not be had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.mercury import Mercury
from codedpo.benchmarks.oracle import Oracle
from codedpo.benchmarks.problem import Problem
from codedpo.benchmarks.run_times import run_time
from codedpo.errors import RecordError
from codedpo.evaluate import require_references
from codedpo.sandbox import Sandbox

FAST = "class Solution:\n    def total(self, head: Optional[ListNode], n: int) -> int:\n        return n * (n - 1) // 2"
SLOW = FAST.replace("return n * (n - 1) // 2", "return sum(range(n))")
ROW: dict[str, Any] = {
    "slug_name": "sum-below",
    "difficulty": "Easy",
    "pretty_content": ["Sum of the numbers below n."],
    "solutions": [
        {"hash": 1, "runtime": "120ms", "solution": SLOW},
        {"hash": 2, "runtime": "40ms", "solution": FAST},
    ],
    "prompt": "class Solution:\n    def total(self, head: Optional[ListNode], n: int) -> int:\n        ",
    "generator_code": "def generate_test_case(): ...",
    "convert_online": "def convert_online(case): return case",
    "convert_offline": "def convert_offline(case):\n    inputs, expected = case\n    return (ListNode(inputs[0]), inputs[1]), expected",
    "evaluate_offline": "def evaluate_offline(inputs, outputs, expected):\n    return outputs == expected",
    "entry_point": "total",
    "test_cases": json.dumps([{"input": [1, n], "expected": n * (n - 1) // 2} for n in (10, 200_000)]),
}


def problems(folder: Path, **changes: Any) -> list[Problem]:
    path = folder / "eval.jsonl"
    path.write_text(json.dumps(ROW | changes) + "\n")
    return list(Mercury(path=str(path)).problems())


def test_reference_is_the_fastest_published_solution(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path)
    assert problem.id == "sum-below" and problem.reference.endswith(FAST)
    assert [len(problem.solutions), problem.solutions[1].endswith(SLOW)] == [2, True]
    assert problem.prompts is not None
    assert problem.prompts.chat == f"'''Sum of the numbers below n.'''\n{ROW['prompt']}"


def test_programs_are_judged_by_the_published_cases(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path)
    oracle = Oracle(tmp_path)
    programs = [SLOW, FAST.replace("// 2", "// 3"), FAST.replace("n * (n - 1) // 2", "head.val * n * (n - 1) // 2")]
    items = [(problem, problem.program(program)) for program in programs]
    with Sandbox() as sandbox:
        assert require_references([problem], sandbox, oracle) == [problem]
        assert [found.passed for found in judge(items, sandbox, oracle)] == [True, False, True]


def test_beyond_and_dps_are_taken_among_the_published_solutions(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path)
    with Sandbox() as sandbox:
        found = run_time(problem, problem.program(FAST), sandbox, Oracle(tmp_path))
        assert 0 <= found.values["beyond"] <= 1 and 0 <= found.values["dps"] <= 1 and found.values["solutions"] == 2
        slower = problem.program(FAST.replace("return", "sum(range(5 * n))\n        return"))
        worst = run_time(problem, slower, sandbox, Oracle(tmp_path)).values  # 5 times the work of the slowest
        assert (worst["beyond"], worst["dps"]) == (0.0, 0.0)
        (broken,) = problems(
            tmp_path,
            solutions=[{"hash": n, "runtime": f"{n}ms", "solution": text} for n, text in enumerate((FAST, "x"))],
        )
        alone = run_time(broken, problem.program(FAST), sandbox, Oracle(tmp_path))
    assert not alone.values and alone.reason.startswith("1 of the published solutions run here")


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"name a local copy of the data in benchmarks\.mercury\.path"):
        Mercury().problems()
    with pytest.raises(RecordError, match="not mercury's published format"):
        problems(tmp_path, solutions=[])
    (tmp_path / "other.json").write_text('[{"task_id": 1}]')
    with pytest.raises(RecordError, match="not mercury's published format: KeyError"):
        Mercury(path=str(tmp_path / "other.json")).problems()
