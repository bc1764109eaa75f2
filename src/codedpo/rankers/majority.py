"""Majority: what a solution passes, times how well it agrees with the other solutions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.checks import require_at_least
from codedpo.rankers.consensus import support
from codedpo.rankers.kernel import telling_shares
from codedpo.rankers.scores import Scores


@dataclass(frozen=True)
class Majority:
    """The weight of the tests passed, times exp(strength * agreement). Not published.

    With w_j a test's share of the telling weights (as in kernel consensus) and p_j its share of passes, the score is

        sum_j w_j B_ij * exp(strength * sum_j w_j B_ij (2 p_j - 1))

    The sum in the exponent is, but for a constant, minus the mean weight of the tests on which solution i differs from
    another: kernel consensus in the limit of a wide kernel, exponent = strength * width, without pairs of solutions.
    Above strength 1 it can lower a score to pass a test that few pass.
    """

    strength: float = 2.0

    def __post_init__(self) -> None:
        require_at_least(self, "rankings.parameters", strength=0)

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        return self.many(passed[None])[0]

    def many(self, passed: NDArray[np.bool_]) -> list[Scores]:
        """Score tasks of one shape together.

        Args:
            passed: (n_tasks, n_solutions, n_tests) bool.
        """
        rows = passed.astype(np.float64)
        weights = telling_shares(rows)
        share = rows.sum(axis=1) / max(1, rows.shape[1])
        agreement = np.matvec(rows, weights * (2 * share - 1))
        tie_break = 1e-6 * rows.sum(axis=2) / max(1, rows.shape[2])
        solutions = np.matvec(rows, weights) * np.exp(self.strength * agreement) + tie_break
        return [Scores(c, support(matrix, c)) for matrix, c in zip(passed, solutions, strict=True)]
