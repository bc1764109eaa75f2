"""Tasks become samples through a real loopback server; solutions and tests are held to the task's signature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asked import Surroundings, surroundings
from codedpo.records import Samples, Task
from codedpo.stages.samples import SampleTasks
from loopback import LoopbackLLM

TASK = Task("t", "Return x plus y.", "def add(x: int, y: int) -> int:", "add", "", (), None, None)
GOOD = "```python\ndef add(x, y):\n    return x + y\n```"
FOREIGN = """```python
def add(x, y):
    for idx, elem in enumerate(x):
        for idx2, elem2 in enumerate(x):
            if idx != idx2:
                distance = abs(elem - elem2)
                if distance < y:
                    return True
    return False
```"""


class Scripted(LoopbackLLM):
    """Gives these solutions in turn, and one answer with tests."""

    def __init__(self, *solutions: str, tests: str = "assert add(1, 2) == 3\nassert add(0, 0) == 0"):
        super().__init__()
        self.solutions, self.tests = solutions, tests

    def text(self, payload: dict[str, Any], index: int) -> str:
        if "assert statements" in payload["messages"][-1]["content"]:
            return self.tests
        return self.solutions[index % len(self.solutions)]


def sample(server: LoopbackLLM, folder: Path, n: int) -> tuple[list[Samples], Surroundings]:
    stage = SampleTasks(n_solutions=n, n_tests=4, tests_per_answer=2, extra_test_answers=0)
    with server, surroundings(server.base_url, folder) as around:
        return list(stage([TASK], around.context)), around


def test_a_solution_that_does_not_fit_the_signature_is_dropped_with_its_reason(tmp_path: Path) -> None:
    server = Scripted(
        GOOD, "```python\ndef add(x):\n    return x\n```", "```python\nclass A:\n    def add(self, x, y): ...\n```"
    )
    (samples,), around = sample(server, tmp_path, 6)
    assert samples.solutions == ("def add(x, y):\n    return x + y\n",) * 2
    assert (
        around.reasons
        == [
            ("solution", "function takes fewer arguments than the signature"),
            ("solution", "no program that defines the function"),
        ]
        * 2
    )


def test_repairs_are_recorded_once_for_each_answer(tmp_path: Path) -> None:
    server = Scripted(
        GOOD, GOOD.removesuffix("```"), tests='1. assert add(1, 2) == 3\n2. assert add(0, 0) == 0, "zero"'
    )
    (samples,), _ = sample(server, tmp_path, 4)
    assert sorted(samples.repairs) == sorted(
        ["fence closed at the end"] * 2 + ["lines that are not Python dropped", "message of an assert dropped"] * 2
    )


def test_a_solution_from_a_benchmark_is_dropped_and_the_item_named(tmp_path: Path) -> None:
    (samples,), around = sample(Scripted(GOOD, GOOD, FOREIGN), tmp_path, 3)
    assert len(samples.solutions) == 2
    assert around.reasons == [("solution", "in a benchmark")]
    assert "HumanEval/0" in around.dropped[0][3]


def test_a_task_whose_solutions_are_mostly_a_benchmarks_is_dropped(tmp_path: Path) -> None:
    rows, around = sample(Scripted(GOOD, FOREIGN, FOREIGN, FOREIGN, GOOD), tmp_path, 5)
    assert rows == []
    assert around.reasons[-1] == ("row", "most solutions are in a benchmark")


def test_brought_samples_are_held_to_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    good = "def add(x, y): return x + y"
    row = {
        "text": TASK.text,
        "signature": TASK.signature,
        "tests": ["assert add(1, 1) == 2", "assert add(", "assert add(2, 2) == 4"],
    }
    rows = [
        {**row, "id": "a", "solutions": [good, good, "def add(x): return x"]},
        {**row, "id": "b", "solutions": [good]},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    around = Surroundings(None, tmp_path)
    (samples,) = SampleTasks(path=str(path)).bring(around.context)
    assert (len(samples.solutions), samples.duplicate_solutions, len(samples.tests)) == (2, 1, 2)
    assert [(id, reason) for _, id, reason, _ in around.dropped] == [
        ("a#2", "function takes fewer arguments than the signature"),
        ("a#1", "test does not parse"),
        ("b#1", "test does not parse"),
        ("b", "too few solutions"),
    ]
