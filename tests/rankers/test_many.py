"""Many matrices at once give what one by one gives, and what a loop over the paper's formula gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import codedpo
from codedpo.rankers import RANKERS
from codedpo.rankers.codedpo import CodeDPO
from codedpo.rankers.consensus import informative
from codedpo.rankers.weighing import telling, weigh


def looped(passed: np.ndarray, damping: float, iterations: int) -> tuple[list[float], list[float]]:
    """The paper's iteration as it is read."""
    n, m = passed.shape
    solutions, tests = [1.0] * n, [1.0] * m
    for _ in range(iterations):
        solutions, tests = (
            [
                (1 - damping) * solutions[i] + damping * sum(tests[j] for j in range(m) if passed[i, j])
                for i in range(n)
            ],
            [
                (1 - damping) * tests[j] + damping * sum(solutions[i] for i in range(n) if passed[i, j])
                for j in range(m)
            ],
        )
    return solutions, tests


def drawn(seed: int, count: int, n: int, m: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((count, n, m)) < rng.random((count, n, 1))


@given(seed=st.integers(0, 1000), n=st.integers(0, 12), m=st.integers(0, 12))
def test_codedpo_equals_the_loop_over_its_formula(seed: int, n: int, m: int) -> None:
    passed = drawn(seed, 1, n, m)[0]
    scores = codedpo.rank(passed)
    solutions, tests = looped(passed, CodeDPO().damping, CodeDPO().iterations)
    assert np.allclose(scores.solutions, solutions, rtol=1e-12, atol=0)
    assert np.allclose(scores.tests, tests, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", sorted(RANKERS))
def test_an_array_a_list_and_one_by_one_give_the_same_numbers(name: str) -> None:
    passed = drawn(3, 5000 if name == "codedpo" else 20, 7, 5)  # more than are scored at once
    together, listed = codedpo.rank_many(passed, name), codedpo.rank_many(list(passed), name)
    assert len(together) == len(listed) == len(passed)
    for array, one, matrix in list(zip(together, listed, passed, strict=True))[:: max(1, len(passed) // 50)]:
        alone = codedpo.rank(matrix, name)
        for found in (array, one):
            assert np.allclose(found.solutions, alone.solutions, rtol=1e-12, atol=1e-15)
            assert np.allclose(found.tests, alone.tests, rtol=1e-12, atol=1e-15)


def test_no_matrix_gives_no_scores() -> None:
    assert codedpo.rank_many([]) == []
    assert codedpo.rank_many(np.zeros((0, 15, 15), bool)) == []


@given(seed=st.integers(0, 1000), n=st.integers(1, 8), m=st.integers(1, 8))
def test_equal_tests_share_the_weight_of_their_kind(seed: int, n: int, m: int) -> None:
    passed = drawn(seed, 1, n, m)[0][:, np.random.default_rng(seed).integers(0, m, m)]
    kept = informative(passed)
    weights = kept.counts * telling(kept.passed.sum(axis=0) / n, kept.counts)
    assert weights == pytest.approx(np.sqrt(kept.counts) * kept.passed.mean(axis=0) * (1 - kept.passed.mean(axis=0)))
    shares = weigh(passed[None]).weights[0]
    for kind, weight in zip(kept.passed.T, weights / weights.sum() if len(weights) else weights, strict=True):
        assert shares[(passed == kind[:, None]).all(axis=0)].sum() == pytest.approx(weight)
    assert shares.sum() == pytest.approx(1.0 if len(weights) else 0.0)


def test_majority_by_hand() -> None:
    # Tests (1, 1, 0) and (1, 0, 0): p = 2/3 and 1/3, both w = 1/2 since p (1 - p) = 2/9 twice.
    # Solution 1: 1 * exp(2 * (1/2 * 1/3 - 1/2 * 1/3)) = 1; solution 2: 1/2 * exp(2 * 1/2 * 1/3); solution 3: 0.
    scores = codedpo.rank(np.array([[1, 1], [1, 0], [0, 0]], bool), "majority").solutions
    assert scores.tolist() == pytest.approx([1 + 1e-6, math.exp(1 / 3) / 2 + 0.5e-6, 0.0])
