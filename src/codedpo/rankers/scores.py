"""What a ranker returns."""

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
