"""The self-validation score of CodeDPO (arXiv 2410.05605): solutions and tests vouch for each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.checks import require_at_least
from codedpo.rankers.scores import Scores

_RESCALE_ABOVE = 1e150


@dataclass(frozen=True)
class CodeDPO:
    """Damped mutual reinforcement between solutions c and tests t, exactly as published.

    All scores start at 1, and for `iterations` steps

        c_i <- (1 - d) c_i + d * sum_j t_j [solution i passes test j]
        t_j <- (1 - d) t_j + d * sum_i c_i [solution i passes test j]

    where both right-hand sides use the previous step's scores. No division by degree, no rescaling: the
    scores grow at most like (1 - d + d * max(n, m)) ** iterations, 1e11 for 15 x 15. Where one passes 1e150, all of
    the task are divided by the largest: a step is linear, so their order and ratios stay.
    """

    damping: float = 0.85
    """d of the paper."""
    iterations: int = 10
    """T of the paper; 1 orders solutions as counting passed tests does."""

    def __post_init__(self) -> None:
        require_at_least(self, "rankings.parameters", damping=0, iterations=0)

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        return self.many(passed[None])[0]

    def many(self, passed: NDArray[np.bool_]) -> list[Scores]:
        """Score tasks of one shape together.

        Args:
            passed: (n_tasks, n_solutions, n_tests) bool.
        """
        solutions, tests = self.iterate(passed.astype(np.float64))
        return [Scores(solutions=c, tests=t) for c, t in zip(solutions, tests, strict=True)]

    def iterate(self, link: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores of solutions, (n_tasks, n_solutions), and of tests, (n_tasks, n_tests).

        Args:
            link: (n_tasks, n_solutions, n_tests) how much a pass counts; 0 and 1 in the paper.
        """
        solutions, tests = np.ones(link.shape[:2]), np.ones((link.shape[0], link.shape[2]))
        for _ in range(self.iterations):
            solutions, tests = (
                (1 - self.damping) * solutions + self.damping * np.matvec(link, tests),
                (1 - self.damping) * tests + self.damping * np.vecmat(solutions, link),
            )
            if max(solutions.max(initial=0.0), tests.max(initial=0.0)) > _RESCALE_ABOVE:
                largest = np.maximum(solutions.max(axis=1, initial=0.0), tests.max(axis=1, initial=0.0))
                scale = np.where(largest > _RESCALE_ABOVE, largest, 1.0)[:, None]
                solutions, tests = solutions / scale, tests / scale
        return solutions, tests
