"""The pair rule, clause by clause."""

import numpy as np
import pytest

from codedpo.pipeline import ChoosePairs
from codedpo.records import Execution, Ranking, Samples, Task, Timing

TASK = Task("t", "Add one.", "def f(x: int) -> int:", "f", "", (), None, None)
PROGRAMS = (
    "def f(x): return x + 1",
    "def f(x): return 1 + x",
    "def f(x): return x",
    "def f(x):\n    # same\n    return x + 1",
)


def timing(
    passed: list[list[int]],
    scores: list[float],
    timed: tuple[int, ...] | list[int] = (),
    seconds: list[list[float]] | tuple[()] = (),
) -> Timing:
    matrix = np.array(passed, bool)
    tests = tuple(f"assert f({j}) == {j + 1}" for j in range(matrix.shape[1]))
    samples = Samples(TASK, PROGRAMS[: len(matrix)], tests, 0, 0, None, None)
    execution = Execution(
        samples, (~matrix).astype(np.uint8), np.zeros(matrix.shape, np.float32), np.zeros(matrix.shape, bool), ()
    )
    ranking = Ranking(execution, "codedpo", np.array(scores), matrix.sum(axis=0).astype(float), matrix[0])
    rounds = np.array(seconds, float) if timed else np.empty((0, 3))
    faster = (rounds[:, None] < rounds).all(axis=2)  # what a comparison would call so
    return Timing(ranking, np.array(timed, np.int32), rounds, faster)


def test_the_top_solution_is_preferred_to_the_bottom_one() -> None:
    assert ChoosePairs().correctness(timing([[1, 1], [1, 0], [0, 0]], [3.0, 2.0, 1.0]).ranking) == (0, 2)


@pytest.mark.parametrize(
    ("passed", "scores", "reason"),
    [
        ([[1, 1], [1, 1]], [2.0, 2.0], "scores tie or differ too little"),
        ([[1, 1], [1, 1]], [2.0, 1.9], "scores tie or differ too little"),
        ([[0, 0], [0, 0]], [0.0, 0.0], "scores tie or differ too little"),
        ([[1, 1], [1, 1]], [2.0, 1.0], "chosen passes too few informative tests"),
        ([[1, 1], [1, 0], [1, 0], [0, 0]], [2.0, 1.5, 1.5, 1.0], "the two programs are the same"),
    ],
)
def test_no_correctness_pair_has_a_reason(passed: list[list[int]], scores: list[float], reason: str) -> None:
    assert ChoosePairs().correctness(timing(passed, scores).ranking) == reason


def test_the_faster_of_two_credible_solutions_is_preferred() -> None:
    found = ChoosePairs().speed(timing([[1], [1]], [2.0, 2.0], [0, 1], [[2.0, 2.2, 2.1], [1.0, 1.1, 1.3]]))
    assert found == (1, 0)


def test_the_highest_ratio_among_those_called_faster_is_taken() -> None:
    seconds = [[1.0, 1.1], [4.0, 4.2], [2.0, 2.1], [1.2, 1.0]]
    given = timing([[1]] * 4, [2.0] * 4, [0, 1, 2, 3], seconds)
    assert ChoosePairs().speed(given) == (0, 1)
    given.faster[0] = False  # fastest, but not shown to be, or not trusted
    assert ChoosePairs().speed(given) == (3, 1)


def test_a_slower_one_of_equal_score_stands_in_for_the_slowest_of_higher_score() -> None:
    seconds = [[1.0, 1.0], [4.0, 4.0], [2.0, 2.0]]
    assert ChoosePairs().speed(timing([[1]] * 3, [1.0, 2.0, 1.0], [0, 1, 2], seconds)) == (0, 2)


@pytest.mark.parametrize(
    ("timed", "seconds", "scores", "reason"),
    [
        ([], [], [2.0, 2.0], "fewer than two solutions to compare"),
        ([0, 1], [[1.0, 1.0], [np.nan, 1.0]], [2.0, 2.0], "fewer than two solutions to compare"),
        ([0, 1], [[1.0, 1.0], [1.05, 1.05]], [2.0, 2.0], "run times differ too little"),
        ([0, 1], [[1.0, 3.0], [2.0, 2.0]], [2.0, 2.0], "no run time is shown to be shorter than another"),
        ([0, 1], [[1.0, 1.0], [2.0, 2.0]], [1.0, 2.0], "the faster one has the lower score"),
    ],
)
def test_no_efficiency_pair_has_a_reason(
    timed: list[int], seconds: list[list[float]], scores: list[float], reason: str
) -> None:
    assert ChoosePairs().speed(timing([[1], [1]], scores, timed, seconds)) == reason
