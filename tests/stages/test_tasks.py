"""Seeds become tasks through a real loopback server; each way to fall out has its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asked import Surroundings, surroundings
from codedpo.errors import ConfigError
from codedpo.records import Seed, Task
from codedpo.stages.tasks import WriteTasks
from loopback import LoopbackLLM

CODE = 'def {name}(items):\n    """Return the {name} items."""\n    return items\n'
CONTAMINATED = (
    "Check if in given list of numbers, are any two numbers closer to each other than given threshold. "
    "The list may be empty."
)


def seed(name: str) -> Seed:
    return Seed(name, name, CODE.format(name=name), f"Return the {name} items.", "lib", "1", "a.py", 1, "MIT")


class Scripted(LoopbackLLM):
    """Answers each kind of question of the stage with one text, given the seed's name."""

    def __init__(self, draft: str = "", verdict: str = "clear"):
        super().__init__()
        self.draft, self.verdict = draft, verdict

    def text(self, payload: dict[str, Any], index: int) -> str:
        if "clear or vague" in payload["messages"][0]["content"]:
            return self.verdict
        last = payload["messages"][-1]["content"]
        return self.draft if self.draft and last.startswith("Concepts:") else super().text(payload, index)


def write(server: LoopbackLLM, folder: Path, stage: WriteTasks, *names: str) -> tuple[list[Task], Surroundings]:
    with server, surroundings(server.base_url, folder) as around:
        return list(stage([seed(name) for name in names], around.context)), around


def test_a_task_is_written_from_each_seed(tmp_path: Path) -> None:
    tasks, around = write(LoopbackLLM(), tmp_path, WriteTasks(), "odd", "even")
    assert [task.signature for task in tasks] == [
        "def odd_above(numbers: list[int], k: int) -> list[int]:",
        "def even_above(numbers: list[int], k: int) -> list[int]:",
    ]
    assert [task.seed.id for task in tasks if task.seed] == ["odd", "even"]
    assert around.dropped == []


def test_a_task_that_says_the_same_is_left_out_and_names_the_first(tmp_path: Path) -> None:
    draft = (
        "TASK: Given a list of numbers, return the sum of all of its items.\n"
        "SIGNATURE: def total(numbers: list[int]) -> int:\nEXAMPLE: total([1]) == 1"
    )
    tasks, around = write(Scripted(draft), tmp_path, WriteTasks(), "odd", "even")
    assert len(tasks) == 1
    ((what, id, reason, detail),) = around.dropped
    assert (what, id, reason) == ("row", "even", "equals an earlier task")
    assert detail.startswith(tasks[0].id)


def test_a_draft_that_is_a_benchmarks_problem_is_left_out_and_the_item_named(tmp_path: Path) -> None:
    draft = (
        f"TASK: {CONTAMINATED}\nSIGNATURE: def has_close_elements(numbers: list[float], threshold: float) -> bool:\n"
        "EXAMPLE: has_close_elements([1.0, 2.0], 0.5) == False"
    )
    tasks, around = write(Scripted(draft), tmp_path, WriteTasks(drafts=1), "odd")
    assert tasks == []
    assert around.reasons == [("draft", "in a benchmark"), ("row", "no valid draft")]
    assert "HumanEval/0" in around.dropped[0][3]


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        ("clear", None),
        ("Clear.", None),
        ("vague", "judged vague"),
        ("It depends", "judge said neither clear nor vague"),
    ],
)
def test_the_judge_rejects_vague_tasks(tmp_path: Path, verdict: str, reason: str | None) -> None:
    tasks, around = write(Scripted(verdict=verdict), tmp_path, WriteTasks(judge=True), "odd")
    assert around.reasons == ([("row", reason)] if reason else [])
    assert len(tasks) == (reason is None)


def test_the_judge_is_not_asked_unless_wanted(tmp_path: Path) -> None:
    server = LoopbackLLM()
    write(server, tmp_path, WriteTasks(), "odd")
    assert len(server.requests) == 2


def test_brought_tasks_pass_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    rows = [
        {"text": "Return the sum.", "signature": "def total(numbers: list[int]) -> int:"},
        {"text": "return the SUM", "signature": "def summed(values: list[int]) -> int:", "id": "again"},
        {"text": CONTAMINATED, "signature": "def has_close_elements(numbers: list[float], threshold: float) -> bool:", "id": "he"},
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows))
    around = Surroundings(None, tmp_path)
    tasks = list(WriteTasks(path=str(path)).bring(around.context))
    assert [task.entry_point for task in tasks] == ["total"]
    assert [(id, reason) for _, id, reason, _ in around.dropped] == [
        ("again", "equals an earlier task"),
        ("he", "in a benchmark"),
    ]


def test_a_benchmark_without_a_training_split_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"tasks\.benchmark: 'humaneval' has no training split .*never trained on"):
        WriteTasks(path="HumanEval.jsonl.gz", benchmark="humaneval")
    with pytest.raises(ConfigError, match=r"give the file as tasks\.path"):
        WriteTasks(benchmark="mbpp")
