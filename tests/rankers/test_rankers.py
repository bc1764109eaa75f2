import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import codedpo
from codedpo.errors import ConfigError
from codedpo.rankers import RANKERS, Scores, rank
from codedpo.rankers.codedpo import CodeDPO
from codedpo.rankers.scores import settled

MATRICES = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8))


class Backwards:
    """A foreign ranker: fewer passed tests are better."""

    def __call__(self, passed: np.ndarray) -> Scores:
        return Scores(-passed.sum(axis=1).astype(float), -passed.sum(axis=0).astype(float))


def test_codedpo_equals_a_hand_computed_example() -> None:
    # Two solutions, two tests: c1 passes t1 and t2, c2 passes t1 only; d = 1/2, two steps.
    # Step 1: c1 = .5*1 + .5*(1+1) = 1.5, c2 = .5 + .5*1 = 1; t1 = .5 + .5*(1+1) = 1.5, t2 = .5 + .5*1 = 1
    # Step 2: c1 = .5*1.5 + .5*(1.5+1) = 2, c2 = .5*1 + .5*1.5 = 1.25; t1 = .5*1.5 + .5*(1.5+1) = 2, t2 = .5*1 + .5*1.5 = 1.25
    scores = codedpo.rank(np.array([[1, 1], [1, 0]], bool), damping=0.5, iterations=2)
    assert scores.solutions.tolist() == [2.0, 1.25]
    assert scores.tests.tolist() == [2.0, 1.25]


def test_codedpo_with_the_papers_constants() -> None:
    # One solution and one test that it passes: both grow by .15 + .85 = 1 a step, so stay at 1.
    assert codedpo.rank(np.ones((1, 1), bool)).solutions.tolist() == pytest.approx([1.0])
    # All of 2 x 2 pass: each step multiplies by .15 + 2 * .85 = 1.85.
    assert codedpo.rank(np.ones((2, 2), bool)).tests.tolist() == pytest.approx([1.85**10] * 2)


@given(MATRICES)
def test_one_iteration_orders_as_counting_does(passed: np.ndarray) -> None:
    once = CodeDPO(iterations=1)(passed).solutions
    counts = passed.sum(axis=1)
    assert np.allclose(once, 0.15 + 0.85 * counts)


@pytest.mark.parametrize("name", sorted(set(RANKERS) - {"random"}))
@given(passed=MATRICES, seed=st.integers(0, 100))
def test_permuting_solutions_and_tests_permutes_scores(name: str, passed: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(passed.shape[0]), rng.permutation(passed.shape[1])
    scores, moved = codedpo.rank(passed, name), codedpo.rank(passed[rows][:, columns], name)
    assert np.allclose(scores.solutions[rows], moved.solutions)
    assert np.allclose(scores.tests[columns], moved.tests)
    assert np.isfinite(moved.solutions).all()


@pytest.mark.parametrize("name", sorted(RANKERS))
def test_many_equals_one_by_one(name: str) -> None:
    rng = np.random.default_rng(0)
    matrices = [rng.random((n, m)) < 0.5 for n, m in ((3, 4), (1, 1), (3, 4), (0, 2))]
    for many, passed in zip(codedpo.rank_many(matrices, name), matrices, strict=True):
        assert many.solutions.tolist() == codedpo.rank(passed, name).solutions.tolist()


def test_a_foreign_ranker_walks_the_same_road() -> None:
    scores = codedpo.rank(np.array([[True], [False]]), "test_rankers:Backwards")
    assert scores.solutions.tolist() == [-1.0, 0.0]


def test_unknown_rankers_and_parameters_are_explained() -> None:
    with pytest.raises(
        ConfigError,
        match=r"'codepdo' is unknown; did you mean 'codedpo'\? Choose from: all_tests, averaged_b4, b4, codedpo",
    ):
        codedpo.rank(np.ones((1, 1), bool), "codepdo")
    with pytest.raises(ConfigError, match=r"rankings\.parameters: codedpo does not take them"):
        codedpo.rank(np.ones((1, 1), bool), damp=1)
    with pytest.raises(ValueError, match=r"must be \(n_solutions, n_tests\)"):
        codedpo.rank(np.ones(3, bool))


@pytest.mark.parametrize("name", RANKERS)
def test_settled_scores_of_equal_solutions_are_equal_to_the_last_bit(name: str) -> None:
    draw = np.random.default_rng(0)
    unequal = 0
    for _ in range(60):
        rows = draw.random((6, 15)) < 0.5
        of = draw.integers(6, size=15)
        scores = rank(rows[of], name).solutions
        level = settled(scores)
        unequal += any(len(set(scores[of == row])) > 1 for row in of)
        assert name == "random" or all(len(set(level[of == row].tolist())) == 1 for row in of)
        assert np.allclose(level, scores, rtol=1e-8, atol=1e-8 * np.abs(scores).max())
    assert name != "codedpo" or unequal  # else this test shows nothing


def test_settling_keeps_what_differs_and_odd_sizes() -> None:
    assert settled(np.array([1.0, 1.0 + 1e-12, 2.0, -3.0])).tolist() == [1.0, 1.0, 2.0, -3.0]
    assert settled(np.array([0.0, 0.0])).tolist() == [0.0, 0.0]
    assert settled(np.empty(0)).tolist() == []
