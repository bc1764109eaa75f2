"""What a ranker returns, when two scores are equal, and their ranks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of one task; higher is better, the scale is the ranker's own."""

    solutions: NDArray[np.float64]
    """(n_solutions,)"""
    tests: NDArray[np.float64]
    """(n_tests,)"""


def settled(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores (n,), equal where they differ by rounding noise only: by less than 1e-9 of the largest.

    Products of matrices round by the place of a row, so that solutions with the same passes may differ in the last bit.
    """
    if not len(scores):
        return scores
    order = np.argsort(scores, kind="stable")
    rising = scores[order]
    starts = np.concatenate([[True], np.diff(rising) > 1e-9 * np.abs(scores).max()])
    level = np.empty_like(rising)
    level[order] = rising[starts][np.cumsum(starts) - 1]
    return level


def midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) rank of each value among all, from 1, equal ones sharing the mean of theirs."""
    _, of, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[of.reshape(-1)]
