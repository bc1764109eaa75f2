"""Kernel consensus: solutions that pass nearly the same informative tests vouch for each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.checks import require_at_least
from codedpo.rankers.consensus import support
from codedpo.rankers.scores import Scores


@dataclass(frozen=True)
class KernelConsensus:
    """CodeT with a soft group: neighbours count by how little their passes differ.

    Tests weigh sqrt(multiplicity) * p (1 - p), p their share of passes; a solution's neighbours are weighed by
    exp(-difference / width); the score is neighbours ** exponent times the weight of the tests passed. Not published.
    """

    exponent: float = 0.25
    width: float = 0.1

    def __post_init__(self) -> None:
        require_at_least(self, "rankings.parameters", exponent=0, width=1e-6)

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        return self.many(passed[None])[0]

    def many(self, passed: NDArray[np.bool_]) -> list[Scores]:
        """Score tasks of one shape together.

        Args:
            passed: (n_tasks, n_solutions, n_tests) bool.
        """
        rows = passed.astype(np.float64)
        weights = telling_shares(rows)
        mass = np.matvec(rows, weights)  # (n_tasks, n_solutions)
        both = (rows * weights[:, None, :]) @ rows.transpose(0, 2, 1)
        difference = mass[:, :, None] + mass[:, None, :] - 2 * both  # (n_tasks, n, n) weight of differing tests
        neighbours = np.exp(-difference / self.width).sum(axis=2)
        tie_break = 1e-6 * rows.sum(axis=2) / max(1, rows.shape[2])
        solutions = neighbours**self.exponent * mass + tie_break
        return [Scores(c, support(matrix, c)) for matrix, c in zip(passed, solutions, strict=True)]


def telling_shares(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_tasks, n_tests) each test's share of its task's telling weights; equal tests share their kind's."""
    passes = rows.sum(axis=1)
    both = rows.transpose(0, 2, 1) @ rows  # (n_tasks, n_tests, n_tests) how many solutions pass the one and the other
    equal = (both == passes[:, :, None]) & (both == passes[:, None, :])
    share = passes / max(1, rows.shape[1])
    weights = share * (1 - share) / np.sqrt(np.maximum(1, equal.sum(axis=2)))
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(weights / np.where(total > 0, total, 1.0))


def telling_weights(kinds: NDArray[np.bool_], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """(n_kinds,) how much each kind of test tells: sqrt(multiplicity) * p (1 - p)."""
    share = kinds.mean(axis=0)
    return np.sqrt(counts) * share * (1 - share)
