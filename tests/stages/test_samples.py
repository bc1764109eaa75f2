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
    """Gives these solutions and generators in turn, and one answer with tests."""

    def __init__(
        self,
        *solutions: str,
        tests: str = "assert add(1, 2) == 3\nassert add(0, 0) == 0",
        generators: tuple[str, ...] = (),
    ):
        super().__init__()
        self.solutions, self.tests, self.generators = solutions, tests, generators

    def text(self, payload: dict[str, Any], index: int) -> str:
        if "assert statements" in payload["messages"][-1]["content"]:
            return self.tests
        if "make_input" in payload["messages"][0]["content"]:
            return self.generators[index % len(self.generators)]
        return self.solutions[index % len(self.solutions)]


def sample(server: LoopbackLLM, folder: Path, n: int, input_generators: int = 0) -> tuple[list[Samples], Surroundings]:
    stage = SampleTasks(
        n_solutions=n, n_tests=4, tests_per_answer=2, extra_test_answers=0, input_generators=input_generators
    )
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


GENERATOR = "def make_input(size, seed):\n    return 10 ** size, seed\n"


def test_generators_of_inputs_are_held_to_their_signature_and_kept_once(tmp_path: Path) -> None:
    good = f"Here it is.\n```python\n{GENERATOR}\nprint(make_input(2, 0))\n```"
    server = Scripted(GOOD, generators=(good, "I cannot.", good, "```python\ndef make_input(size): return (1,)\n```"))
    (samples,), around = sample(server, tmp_path, 2, input_generators=4)
    assert samples.input_generators == (GENERATOR,)
    assert samples.input_generation is not None
    assert samples.input_generation.prompt_version == "inputs-2"
    assert [(what, id, reason) for what, id, reason, _ in around.dropped] == [
        ("input generator", "t#1", "no program that defines the function"),
        ("input generator", "t#3", "function takes fewer arguments than the signature"),
    ]


def test_asking_for_generators_changes_no_other_request(tmp_path: Path) -> None:
    plain, asking = Scripted(GOOD), Scripted(GOOD, generators=(GENERATOR,))
    (without,), _ = sample(plain, tmp_path / "a", 2)
    sample(asking, tmp_path / "b", 2, input_generators=1)
    assert (without.input_generators, without.input_generation) == ((), None)
    asked = [request for request in asking.requests if "make_input" not in request["messages"][0]["content"]]
    assert len(asking.requests) == len(asked) + 1
    assert sorted(map(json.dumps, asked)) == sorted(map(json.dumps, plain.requests))


def test_brought_samples_are_held_to_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    good = "def add(x, y): return x + y"
    row = {
        "text": TASK.text,
        "signature": TASK.signature,
        "tests": ["assert add(1, 1) == 2", "assert add(", "assert add(2, 2) == 4"],
    }
    rows = [
        {
            **row,
            "id": "a",
            "solutions": [good, good, "def add(x): return x"],
            "input_generators": [GENERATOR, "make_input = 1"],
        },
        {**row, "id": "b", "solutions": [good]},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    around = Surroundings(None, tmp_path)
    (samples,) = SampleTasks(path=str(path)).bring(around.context)
    assert (len(samples.solutions), samples.duplicate_solutions, len(samples.tests)) == (2, 1, 2)
    assert samples.input_generators == (GENERATOR,)
    assert [(id, reason) for _, id, reason, _ in around.dropped] == [
        ("a#2", "function takes fewer arguments than the signature"),
        ("a#1", "test does not parse"),
        ("a#1", "entry point is not a plain function at top level"),
        ("b#1", "test does not parse"),
        ("b", "too few solutions"),
    ]
