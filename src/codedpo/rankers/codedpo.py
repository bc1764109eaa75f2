"""The self-validation score of CodeDPO (arXiv 2410.05605): solutions and tests vouch for each other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.rankers.scores import Scores


@dataclass(frozen=True)
class CodeDPO:
    """Damped mutual reinforcement between solutions c and tests t, exactly as published.

    All scores start at 1, and for `iterations` steps

        c_i <- (1 - d) c_i + d * sum_j t_j [solution i passes test j]
        t_j <- (1 - d) t_j + d * sum_i c_i [solution i passes test j]

    where both right-hand sides use the previous step's scores. No division by degree, no rescaling: the
    scores grow at most like (1 - d + d * max(n, m)) ** iterations, 1e11 for 15 x 15.
    """

    damping: float = 0.85
    """d of the paper."""
    iterations: int = 10
    """T of the paper; 1 orders solutions as counting passed tests does."""

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        link = passed.astype(np.float64)  # (n, m)
        solutions, tests = np.ones(link.shape[0]), np.ones(link.shape[1])
        for _ in range(self.iterations):
            solutions, tests = (
                (1 - self.damping) * solutions + self.damping * (link @ tests),
                (1 - self.damping) * tests + self.damping * (link.T @ solutions),
            )
        return Scores(solutions=solutions, tests=tests)
