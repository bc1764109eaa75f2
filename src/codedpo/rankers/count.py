"""The number of passed tests: an ablation of the paper."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.rankers.scores import Scores


@dataclass(frozen=True)
class Count:
    """A solution scores the number of tests that it passes, a test the number of solutions that pass it."""

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        return Scores(solutions=passed.sum(axis=1).astype(np.float64), tests=passed.sum(axis=0).astype(np.float64))
