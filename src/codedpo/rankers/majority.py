"""Majority: what a solution passes, times how well it agrees with the other solutions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.checks import require_at_least
from codedpo.rankers.scores import Scores
from codedpo.rankers.weighing import break_ties, weigh


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
        found = weigh(passed)
        agreement = np.matvec(found.rows, found.weights * (2 * found.share - 1))
        return break_ties(passed, found.mass * np.exp(self.strength * agreement))
