"""Rankers by agreement: worked out by hand, and what must hold for every matrix."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import codedpo
from codedpo.errors import ConfigError
from codedpo.rankers import RANKERS
from codedpo.rankers.codedpo import CodeDPO
from codedpo.rankers.rank_sum import ranks
from codedpo.rankers.scores import midranks

MATRICES = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=8))
THREE = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]], bool)


def solutions(passed: np.ndarray, ranker: str, **parameters: float) -> list[float]:
    return codedpo.rank(passed, ranker, **parameters).solutions.tolist()


def test_codet_and_mbr_exec_by_hand() -> None:
    assert solutions(THREE, "codet") == pytest.approx([2 * math.sqrt(2), 2 * math.sqrt(2), 2])
    assert solutions(THREE, "mbr_exec") == [2, 2, 1]


def test_all_tests_by_hand() -> None:
    assert solutions(np.array([[1, 1], [1, 0]], bool), "all_tests") == [1, 0]
    assert codedpo.rank(np.array([[1, 1], [1, 0]], bool), "all_tests").tests.tolist() == [1, 1]


def test_b4_by_hand() -> None:
    # One of two solutions passes the only test: lnB(1+10, 0+1) + lnB(1+10, 1+1) + lnB(0+1, 1-0+1) + lnB(0+1, 0-0+100)
    def log_beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    passes = log_beta(11, 1) + log_beta(11, 2) + log_beta(1, 2) + log_beta(1, 100)
    fails = log_beta(10, 2) + log_beta(11, 2) + log_beta(1, 1) + log_beta(2, 100)
    assert solutions(np.array([[1], [0]], bool), "b4") == pytest.approx([passes, fails])


def test_kernel_consensus_by_hand() -> None:
    # One informative test of weight 1: the two differ by 1, so each has 1 + exp(-10) neighbours.
    neighbours = 1 + math.exp(-10)
    assert solutions(np.array([[1], [0]], bool), "kernel_consensus") == pytest.approx([neighbours**0.25 + 1e-6, 0.0])


def test_averaged_b4_by_hand() -> None:
    # The only group that passes anything has probability 1, and its one test is the expected one: 1 + 1 against 0.
    assert solutions(np.array([[1], [0], [0]], bool), "averaged_b4") == pytest.approx([2, 0, 0])


def test_equal_scores_share_a_rank() -> None:
    assert midranks(np.array([3.0, 1.0, 3.0])).tolist() == [2.5, 1.0, 2.5]
    assert ranks(np.array([5.0, 1.0, 5.0 + 1e-12, 0.0])).tolist() == [2.5, 1.0, 2.5, 0.0]


@pytest.mark.parametrize("name", sorted(RANKERS))
@given(passed=MATRICES)
def test_scores_have_the_shape_of_the_matrix_and_are_numbers(name: str, passed: np.ndarray) -> None:
    scores = codedpo.rank(passed, name)
    assert (scores.solutions.shape, scores.tests.shape) == (passed.shape[:1], passed.shape[1:])
    assert np.isfinite(scores.solutions).all()
    assert np.isfinite(scores.tests).all()


@pytest.mark.parametrize("name", sorted(set(RANKERS) - {"random"}))
@given(passed=MATRICES)
def test_equal_solutions_have_equal_scores(name: str, passed: np.ndarray) -> None:
    doubled = np.concatenate([passed, passed])
    scores = codedpo.rank(doubled, name).solutions
    assert np.allclose(scores[: len(passed)], scores[len(passed) :])


@pytest.mark.parametrize("name", ["kernel_consensus", "averaged_b4", "majority"])
@given(passed=MATRICES, trivial=st.integers(1, 5))
def test_tests_that_all_or_none_pass_change_no_order(name: str, passed: np.ndarray, trivial: int) -> None:
    n = passed.shape[0]
    more = np.concatenate([passed, np.ones((n, trivial), bool), np.zeros((n, 1), bool)], axis=1)
    before, after = codedpo.rank(passed, name).solutions, codedpo.rank(more, name).solutions
    difference = np.subtract.outer(before, before), np.subtract.outer(after, after)
    apart = np.abs(difference[0]) > 1e-5
    assert (np.sign(difference[0][apart]) == np.sign(difference[1][apart])).all()


def test_many_iterations_do_not_overflow_and_keep_the_ratios() -> None:
    rng = np.random.default_rng(1)
    passed = rng.random((20, 30)) < 0.4
    few, many = CodeDPO(iterations=60)(passed).solutions, CodeDPO(iterations=5000)(passed).solutions
    assert np.isfinite(many).all()
    assert np.allclose(few / few.max(), many / many.max(), rtol=1e-6)


def test_chance_differs_between_tasks_and_comes_again() -> None:
    first, second = np.eye(5, dtype=bool), np.ones((5, 5), bool)
    assert solutions(first, "random") == solutions(first, "random") != solutions(second, "random")
    assert solutions(first, "random", seed=1) != solutions(first, "random")


def test_senseless_parameters_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"rankings\.parameters\.width"):
        codedpo.rank(THREE, "kernel_consensus", width=0.0)
    with pytest.raises(ConfigError, match=r"rankings\.parameters\.iterations"):
        codedpo.rank(THREE, iterations=-1)
