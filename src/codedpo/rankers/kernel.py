"""Kernel consensus: solutions that pass nearly the same informative tests vouch for each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.checks import require_at_least
from codedpo.rankers.consensus import informative, support
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
        kept = informative(passed)
        tie_break = 1e-6 * passed.mean(axis=1) if passed.shape[1] else np.zeros(passed.shape[0])
        if not kept.counts.size:
            return Scores(solutions=tie_break, tests=support(passed, tie_break))
        weights = telling_weights(kept.passed, kept.counts)
        weights = weights / weights.sum()
        rows = kept.passed.astype(np.float64)
        mass = rows @ weights
        difference = mass[:, None] + mass[None, :] - 2 * (rows * weights) @ rows.T  # (n, n) weight of differing tests
        neighbours = np.exp(-difference / self.width).sum(axis=1)
        solutions = neighbours**self.exponent * mass + tie_break
        return Scores(solutions=solutions, tests=support(passed, solutions))


def telling_weights(kinds: NDArray[np.bool_], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """(n_kinds,) how much each kind of test tells: sqrt(multiplicity) * p (1 - p)."""
    share = kinds.mean(axis=0)
    return np.sqrt(counts) * share * (1 - share)
