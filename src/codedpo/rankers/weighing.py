"""Pass matrices of one shape in, how much each test tells and what that makes of solutions out; scores, ties broken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.rankers.consensus import support
from codedpo.rankers.scores import Scores


@dataclass(frozen=True, eq=False)
class Weighed:
    """Tasks of one shape, their tests weighed by how much they tell."""

    rows: NDArray[np.float64]
    """(n_tasks, n_solutions, n_tests) 1 where a solution passes a test, else 0."""
    share: NDArray[np.float64]
    """(n_tasks, n_tests) share of the solutions that pass a test."""
    weights: NDArray[np.float64]
    """(n_tasks, n_tests) each test's share of its task's telling weights; equal tests share their kind's."""
    mass: NDArray[np.float64]
    """(n_tasks, n_solutions) weight of the tests that a solution passes."""


def weigh(passed: NDArray[np.bool_]) -> Weighed:
    """Weigh the tests of each task.

    Args:
        passed: (n_tasks, n_solutions, n_tests).
    """
    rows = passed.astype(np.float64)
    passes = rows.sum(axis=1)
    both = rows.transpose(0, 2, 1) @ rows  # (n_tasks, n_tests, n_tests) how many solutions pass the one and the other
    equal = (both == passes[:, :, None]) & (both == passes[:, None, :])
    share = passes / max(1, rows.shape[1])
    weights = telling(share, equal.sum(axis=2))
    total = weights.sum(axis=1, keepdims=True)
    weights = np.asarray(weights / np.where(total > 0, total, 1.0))
    return Weighed(rows, share, weights, np.matvec(rows, weights))


def telling(share: NDArray[np.float64], equal: NDArray[np.intp]) -> NDArray[np.float64]:
    """How much each test tells: p (1 - p) / sqrt(multiplicity), so that a kind tells sqrt(multiplicity) * p (1 - p).

    Args:
        share: (..., n_tests) share of solutions that pass it, p.
        equal: (..., n_tests) its multiplicity: tests that pass just the same solutions, itself among them.
    """
    return share * (1 - share) / np.sqrt(equal)


def break_ties(passed: NDArray[np.bool_], solutions: NDArray[np.float64]) -> list[Scores]:
    """Scores of each task where, of solutions that tie, the one that passes more tests is the higher by a trifle.

    Args:
        passed: (n_tasks, n_solutions, n_tests).
        solutions: (n_tasks, n_solutions) their scores.
    """
    broken = solutions + 1e-6 * passed.sum(axis=2) / max(1, passed.shape[2])
    return [Scores(scores, support(matrix, scores)) for matrix, scores in zip(passed, broken, strict=True)]
