"""Mercury's format, on a row made by hand after the data set's card: the published file could not be had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.mercury import Mercury, MercuryTask
from codedpo.benchmarks.oracle import Oracle
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


def tasks(folder: Path, **changes: Any) -> list[MercuryTask]:
    path = folder / "eval.jsonl"
    path.write_text(json.dumps(ROW | changes) + "\n")
    return Mercury(path=str(path)).tasks()


def test_reference_is_the_fastest_published_solution(tmp_path: Path) -> None:
    (task,) = tasks(tmp_path)
    assert task.problem.id == "sum-below"
    assert task.problem.reference.endswith(FAST) and [len(task.solutions), task.solutions[1].endswith(SLOW)] == [
        2,
        True,
    ]
    assert task.problem.prompts is not None
    assert task.problem.prompts.chat == f"'''Sum of the numbers below n.'''\n{ROW['prompt']}"


def test_programs_are_judged_by_the_published_cases(tmp_path: Path) -> None:
    (task,) = tasks(tmp_path)
    oracle = Oracle(tmp_path)
    programs = [SLOW, FAST.replace("// 2", "// 3"), FAST.replace("n * (n - 1) // 2", "head.val * n * (n - 1) // 2")]
    items = [(task.problem, task.problem.program(program)) for program in programs]
    with Sandbox() as sandbox:
        assert require_references([task.problem], sandbox, oracle) == [task.problem]
        assert [found.passed for found in judge(items, sandbox, oracle)] == [True, False, True]


def test_beyond_is_taken_among_the_published_solutions(tmp_path: Path) -> None:
    (task,) = tasks(tmp_path)
    with Sandbox() as sandbox:
        assert task.beyond(task.problem.program("class Solution:\n    total = None"), sandbox) == 0.0
        assert 0.0 <= task.beyond(task.solutions[0], sandbox) <= 1.0
        (broken,) = tasks(tmp_path, solutions=[{"hash": 1, "runtime": "1ms", "solution": "class Solution: ..."}])
        with pytest.raises(RecordError, match="sum-below: none of its 1 published solutions passes here"):
            broken.beyond(task.solutions[0], sandbox)


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"name a local copy of the data in benchmarks\.mercury\.path"):
        Mercury().problems()
    with pytest.raises(RecordError, match="not mercury's published format"):
        tasks(tmp_path, solutions=[])
    (tmp_path / "other.json").write_text('[{"task_id": 1}]')
    with pytest.raises(RecordError, match="not mercury's published format: KeyError"):
        Mercury(path=str(tmp_path / "other.json")).problems()
