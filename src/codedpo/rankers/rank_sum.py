"""The sum of three rankers' ranks: the paper's score on informative tests, kernel consensus, averaged B4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.rankers.b4 import AveragedB4
from codedpo.rankers.codedpo import CodeDPO
from codedpo.rankers.consensus import informative, support
from codedpo.rankers.kernel import KernelConsensus
from codedpo.rankers.scores import Scores, midranks, settled
from codedpo.rankers.weighing import telling


@dataclass(frozen=True)
class RankSum:
    """Each solution's mean rank (equal scores share one) in three rankings; 0 is the lowest. Not published."""

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        kept = informative(passed)
        share = kept.passed.sum(axis=0) / max(1, len(kept.passed))
        weights = 4 * kept.counts * telling(share, kept.counts)
        rankings = (
            CodeDPO().iterate((kept.passed * weights)[None])[0][0],
            KernelConsensus(exponent=0.5)(passed).solutions,
            AveragedB4()(passed).solutions,
        )
        solutions = np.add.reduce([ranks(scores) for scores in rankings])
        return Scores(solutions=solutions, tests=support(passed, solutions))


def ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) how many scores are lower, equal ones counted half."""
    return midranks(settled(scores)) - 1
