"""Cross-execution beside a panel of stubs, and what the ranking makes of trivial tests: in the real sandbox."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from asked import Surroundings
from codedpo import cross_execute
from codedpo.pipeline import CrossExecute, RankSolutions
from codedpo.records import Execution, Samples, Task, TestFlaw
from codedpo.sandbox import Sandbox

TASK = Task("t", "Sort.", "def f(numbers: list[int]) -> list[int]:", "f", "", (), None, None)
SOLUTIONS = (
    "def f(numbers):\n    return sorted(numbers)\n",
    "def f(numbers):\n    return list(numbers)\n",
    "def f(numbers):\n    return 1 // 0\n",
)
TESTS = (
    "assert isinstance(f([2, 1]), list)",  # all stubs pass
    "assert f([2, 1]) == [1, 2]",
    "assert f([3, 2]) == [2, 3]",  # the same solutions as the one before
    "assert f([1, 2]) == [1, 2]",
    "assert f([]) == [7]",  # nobody
)
SAMPLES = Samples(TASK, SOLUTIONS, TESTS, 0, 0, None, None)


class Running(Surroundings):
    """Surroundings with a sandbox."""

    box: Sandbox

    def sandbox(self) -> Sandbox:
        return self.box


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Running]:
    found = Running(None, tmp_path)
    with Sandbox() as found.box:
        yield found


def test_stubs_leave_no_trace_but_the_share_that_passes(around: Running) -> None:
    (found,) = CrossExecute()([SAMPLES], around.context)
    alone = cross_execute(SOLUTIONS, TESTS)
    assert (found.outcomes == alone.outcomes).all() and found.reasons == alone.reasons
    assert found.cpu_seconds.shape == found.judged_outside.shape == (3, 5)
    assert found.stub_passes.tolist() == pytest.approx([1.0, 0.0, 0.0, 0.2, 0.0])
    (without,) = CrossExecute(stubs=False)([SAMPLES], around.context)
    assert (without.outcomes == alone.outcomes).all() and not without.stub_passes.size


def test_each_filter_keeps_its_tests_out_of_the_credible_ones(around: Running) -> None:
    (execution,) = CrossExecute()([SAMPLES], around.context)
    expected = (
        (RankSolutions(), [False, True, False, True, False]),
        (RankSolutions(drop_duplicates=False), [False, True, True, True, False]),
        (RankSolutions(max_stub_passes=2), [True, True, False, False, False]),
    )
    for stage, credible in expected:
        (ranking,) = stage([execution], around.context)
        assert ranking.credible.tolist() == credible
    flaws = next(iter(RankSolutions()([execution], around.context))).flaws
    assert [TestFlaw(flaw).name for flaw in flaws.tolist()] == [
        "TRIVIAL",
        "NONE",
        "DUPLICATE",
        "NONE",
        "PASSED_BY_NONE",
    ]


def test_a_test_that_all_solutions_pass_is_credible_only_where_constants_are_kept(around: Running) -> None:
    samples = replace(
        SAMPLES, solutions=SOLUTIONS[:2], tests=("assert f([1, 2]) == [1, 2]", "assert f([2, 1]) == [1, 2]")
    )
    execution: Execution = next(iter(CrossExecute()([samples], around.context)))
    for constant, credible in ((True, [False, True]), (False, [True, True])):
        (ranking,) = RankSolutions(drop_constant=constant)([execution], around.context)
        assert ranking.credible.tolist() == credible
