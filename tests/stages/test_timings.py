"""Rankings become timings: on the credible tests, or on generated inputs where the samples have generators."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from asked import Surroundings
from codedpo.records import Execution, Outcome, Ranking, Samples, Task, Timing
from codedpo.sandbox import Limits, Sandbox
from codedpo.stages.pairs import ChoosePairs
from codedpo.stages.timings import TimeSolutions
from codedpo.store import read_records, write_records

TASK = Task("t", "Count different numbers.", "def f(numbers: list[int]) -> int:", "f", "", (), None, None)
DICT = "def f(numbers):\n    seen = {}\n    for number in numbers:\n        seen[number] = True\n    return len(seen)\n"
LIST = (
    "def f(numbers):\n    seen = []\n    for number in numbers:\n        if number not in seen:\n"
    "            seen.append(number)\n    return len(seen)\n"
)
WRONG_BEYOND = "def f(numbers):\n    seen = set(numbers)\n    return min(len(seen), 9)\n"
NUMBERS = "def make_input(size, seed):\n    return ([seed + k // 2 for k in range(size)],)\n"
TESTS = ("assert f([]) == 0", "assert f([1, 1, 2]) == 2")


@pytest.fixture(scope="module")
def pool() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(cpu_seconds=1, memory_mb=256)) as sandbox:
        yield sandbox


def ranking(solutions: tuple[str, ...], generators: tuple[str, ...] = (NUMBERS,), n_credible: int = 2) -> Ranking:
    samples = Samples(TASK, solutions, TESTS, 0, 0, None, None, input_generators=generators)
    shape = (len(solutions), len(TESTS))
    outcomes = np.full(shape, Outcome.PASSED, np.uint8)
    execution = Execution(samples, outcomes, np.zeros(shape, np.float32), np.ones(shape, bool), ())
    scores = np.linspace(1, 2, len(solutions))
    return Ranking(
        execution,
        "codedpo",
        scores,
        np.ones(len(TESTS)),
        np.arange(len(TESTS)) < n_credible,
        np.zeros(len(TESTS), np.uint8),
    )


def time(pool: Sandbox, folder: Path, row: Ranking, *, inputs: bool = True) -> tuple[Timing, Surroundings]:
    around = Surroundings(None, folder, pool=pool)
    stage = TimeSolutions(looks=(2, 4), rounds=3, inputs=inputs)
    (timing,) = stage([row], around.context)
    return timing, around


def test_solutions_are_timed_on_generated_inputs_with_their_growth(pool: Sandbox, tmp_path: Path) -> None:
    timing, around = time(pool, tmp_path, ranking((LIST, DICT)))
    assert around.dropped == []
    assert timing.workload is not None
    assert timing.workload.generator == NUMBERS
    assert timing.timed.tolist() == [0, 1]
    assert timing.faster.tolist() == [[False, False], [True, False]]
    assert timing.growth[1] < 1.5 < timing.growth[0]
    pair = next(pair for pair in ChoosePairs()([timing], around.context) if pair.kind == "efficiency")
    assert (pair.chosen_index, pair.rejected_index, pair.timed_on) == (1, 0, "inputs")
    assert (pair.chosen_growth, pair.rejected_growth) == (timing.growth[1], timing.growth[0])


def test_a_timing_with_a_workload_is_read_back_as_it_was(pool: Sandbox, tmp_path: Path) -> None:
    timing, _ = time(pool, tmp_path, ranking((LIST, DICT)))
    plain, _ = time(pool, tmp_path, ranking((LIST, DICT), ()))
    write_records(tmp_path / "a.parquet", Timing, [timing, plain])
    read, other = read_records(tmp_path / "a.parquet", Timing)
    assert (read.workload, other.workload) == (timing.workload, None)
    assert read.growth.tolist() == timing.growth.tolist()
    assert other.growth.shape == (0,)


def test_a_generator_on_which_credible_solutions_disagree_leaves_the_tests(pool: Sandbox, tmp_path: Path) -> None:
    timing, around = time(pool, tmp_path, ranking((WRONG_BEYOND, DICT)))
    assert timing.workload is None
    assert timing.seconds.shape[0] == 2
    ((what, id, reason, detail),) = around.dropped
    assert (what, id, reason) == ("input generator", "t", "solutions disagree on its inputs")
    assert detail.endswith(f"solution 1 gives another result than solution 0\n{NUMBERS}")


def test_without_generators_or_where_switched_off_the_tests_are_timed(pool: Sandbox, tmp_path: Path) -> None:
    for timing, around in (
        time(pool, tmp_path, ranking((LIST, DICT), ())),
        time(pool, tmp_path, ranking((LIST, DICT)), inputs=False),
    ):
        assert (timing.workload, timing.growth.tolist(), around.dropped) == (None, [], [])
        assert np.isfinite(timing.seconds).all()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ranking((LIST, DICT), n_credible=1), "too few credible tests"),
        (ranking((LIST, LIST)), "fewer than two different credible solutions"),
        (ranking((LIST,)), "fewer than two different credible solutions"),
    ],
)
def test_where_there_is_nothing_to_compare_no_generator_is_run(
    pool: Sandbox, tmp_path: Path, row: Ranking, reason: str
) -> None:
    timing, around = time(pool, tmp_path, row)
    assert (timing.timed.tolist(), timing.workload) == ([], None)
    assert around.reasons == [("timing", reason)]


@pytest.mark.parametrize("body", ["while True: pass", "import os; os._exit(0)", "return (bytes(10 ** 12),)"])
def test_a_hostile_generator_costs_its_task_nothing_but_time(pool: Sandbox, tmp_path: Path, body: str) -> None:
    hostile = f"def make_input(size, seed):\n    {body}\n"
    timing, around = time(pool, tmp_path, ranking((LIST, DICT), (hostile, NUMBERS)))
    assert around.reasons == [("input generator", "the generator fails")]
    assert timing.workload is not None and timing.workload.generator == NUMBERS
