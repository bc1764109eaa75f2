"""Tasks come from training splits alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codedpo.errors import RecordError
from codedpo.records import Task
from codedpo.train_split import train_split


def read(benchmark: str, path: Path) -> tuple[list[Task], list[tuple[str, str]]]:
    dropped: list[tuple[str, str]] = []

    def drop(what: str, id: str, reason: str, detail: str = "") -> None:
        dropped.append((id, reason))

    return list(train_split(benchmark, path, drop)), dropped


def mbpp(number: int, **change: object) -> dict[str, object]:
    code = "def add(x, y):\r\n  return x + y"
    return {
        "task_id": number,
        "text": "Write a function to add.",
        "code": code,
        "test_list": ["assert add(1, 2) == 3"],
        **change,
    }


def test_mbpp_gives_its_training_ids_only(tmp_path: Path) -> None:
    path = tmp_path / "mbpp.jsonl"
    rows = [mbpp(600), mbpp(601), mbpp(974), mbpp(700, test_list=["assert add(Pair(1, 2)) == 3"])]
    path.write_text("\n".join(map(json.dumps, rows)))
    tasks, dropped = read("mbpp", path)
    assert [(task.id, task.signature, task.example) for task in tasks] == [
        ("mbpp/601", "def add(x, y):", "add(1, 2) == 3"),
        ("mbpp/974", "def add(x, y):", "add(1, 2) == 3"),
    ]
    assert dropped == [
        ("mbpp/600", "not in the training split"),
        ("mbpp/700", "the test uses a name that the task does not tell"),
    ]


def test_leetcode_methods_become_functions_of_plain_values(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    starter = "class Solution:\n    def rank(self, nums: {}, k: int) -> List[int]:"
    row = {
        "task_id": "rank",
        "query": "Given nums.\n \nPlease complete the following python code",
        "input_output": [{"input": "nums = [1], k = 2", "output": "[1]"}],
    }
    rows = [
        {**row, "meta": {"lang_code": starter.format("List[int]")}},
        {**row, "task_id": "tree", "meta": {"lang_code": starter.format("TreeNode")}},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    (task,), dropped = read("leetcode", path)
    assert (task.signature, task.text) == ("def rank(nums: list[int], k: int) -> list[int]:", "Given nums.")
    assert task.example == "rank(nums = [1], k = 2) == [1]"
    assert dropped == [("leetcode/tree", "types that are not plain values")]


@pytest.mark.parametrize(
    ("benchmark", "row", "error"),
    [
        ("mbpp", mbpp(11), "holds no task of mbpp's training split, and evaluation splits are never trained on"),
        ("mbpp", {"task_id": "Mbpp/2", "text": "x"}, r"MBPP\+ is an evaluation set"),
        ("mbpp", {"prompt": "x"}, "row 1: not a row of mbpp's published file: no usable 'task_id'"),
        ("leetcode", {"task_id": "x", "estimated_date": "2024-08-04"}, "is in LeetCodeDataset's evaluation split"),
    ],
)
def test_an_evaluation_split_is_refused(tmp_path: Path, benchmark: str, row: dict[str, object], error: str) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(RecordError, match=error):
        read(benchmark, path)


def test_the_published_training_files_are_read(shared_data: Path) -> None:
    tasks, dropped = read("mbpp", shared_data / "mbpp" / "mbpp.jsonl.gz")
    assert len(tasks) + len(dropped) == 974
    assert len(tasks) > 330
    tasks, dropped = read("leetcode", shared_data / "leetcode" / "LeetCodeDataset-v0.1.0-train.jsonl.gz")
    assert len(tasks) + len(dropped) == 1570
    assert len(tasks) > 1200


def test_the_published_evaluation_files_are_refused(shared_data: Path) -> None:
    with pytest.raises(RecordError, match="evaluation split"):
        read("leetcode", shared_data / "leetcode" / "LeetCodeDataset-v0.3.1-test.jsonl.gz")
    with pytest.raises(RecordError, match="not a row of mbpp"):
        read("mbpp", shared_data / "mbppplus" / "MbppPlus-v0.2.0.jsonl.gz")
