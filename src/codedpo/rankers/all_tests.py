"""Whether a solution passes all tests: an ablation of the paper."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.rankers.consensus import support
from codedpo.rankers.scores import Scores


@dataclass(frozen=True)
class AllTests:
    """A solution scores 1 where it passes every test, else 0; a test by the solutions behind it."""

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        solutions = np.asarray(passed.all(axis=1), dtype=np.float64)
        return Scores(solutions=solutions, tests=support(passed, solutions))
