"""Kernel consensus: solutions that pass nearly the same informative tests vouch for each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.checks import require_at_least
from codedpo.rankers.scores import Scores
from codedpo.rankers.weighing import break_ties, weigh


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
        found = weigh(passed)
        mass = found.mass
        both = (found.rows * found.weights[:, None, :]) @ found.rows.transpose(0, 2, 1)
        difference = mass[:, :, None] + mass[:, None, :] - 2 * both  # (n_tasks, n, n) weight of differing tests
        neighbours = np.exp(-difference / self.width).sum(axis=2)
        return break_ties(passed, neighbours**self.exponent * mass)
