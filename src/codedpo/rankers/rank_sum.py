"""The sum of three rankers' ranks: the paper's score on informative tests, kernel consensus, averaged B4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.rankers.b4 import AveragedB4
from codedpo.rankers.codedpo import CodeDPO
from codedpo.rankers.consensus import informative, support
from codedpo.rankers.kernel import KernelConsensus, telling_weights
from codedpo.rankers.scores import Scores, settled


@dataclass(frozen=True)
class RankSum:
    """Each solution's mean rank (equal scores share one) in three rankings; 0 is the lowest. Not published."""

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        kept = informative(passed)
        weighted = kept.passed * (4 * telling_weights(kept.passed, kept.counts)) if kept.counts.size else kept.passed
        rankings = (
            CodeDPO().iterate(weighted.astype(np.float64)[None])[0][0],
            KernelConsensus(exponent=0.5)(passed).solutions,
            AveragedB4()(passed).solutions,
        )
        solutions = np.add.reduce([ranks(scores) for scores in rankings])
        return Scores(solutions=solutions, tests=support(passed, solutions))


def ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) how many scores are lower, equal ones counted half."""
    _, of, counts = np.unique(settled(scores), return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    return (below + (counts - 1) / 2)[of.reshape(-1)] if len(counts) else scores
