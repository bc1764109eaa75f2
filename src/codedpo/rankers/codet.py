"""CodeT's dual execution agreement (arXiv 2207.10397) and MBR-Exec's vote (arXiv 2204.11454)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.rankers.consensus import groups, support
from codedpo.rankers.scores import Scores


@dataclass(frozen=True)
class CodeT:
    """Square root of the number of solutions that pass the same tests, times the number of these tests."""

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        found = groups(passed)
        solutions = (np.sqrt(found.sizes) * found.rows.sum(axis=1))[found.of]
        return Scores(solutions=solutions, tests=support(passed, solutions))


@dataclass(frozen=True)
class MBRExec:
    """The number of solutions that pass the same tests: the largest group wins."""

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        found = groups(passed)
        solutions = found.sizes[found.of].astype(np.float64)
        return Scores(solutions=solutions, tests=support(passed, solutions))
