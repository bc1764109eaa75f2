"""B4 (arXiv 2409.08692): how likely it is that a group of solutions and the tests that it passes are the right ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.checks import require_at_least
from codedpo.rankers.consensus import groups, informative, support
from codedpo.rankers.scores import Scores


@dataclass(frozen=True)
class B4:
    """The logarithm of the posterior of each group of equal solutions, up to a constant; Beta priors.

    For a group x of solutions that passes the tests y: all of x and y are right, other solutions pass a right test with
    an unknown probability (S1 of E1 entries), and a wrong one with a small one (S0 of E0 entries).
    """

    right_prior: float = 10.0
    """a: pseudo-count of right solutions and of right tests."""
    wrong_prior: float = 100.0
    """b0: pseudo-count of failures of wrong solutions on wrong tests."""

    def __post_init__(self) -> None:
        require_at_least(self, "rankings.parameters", right_prior=0.001, wrong_prior=0.001)

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        found = groups(passed)
        posterior = log_posterior(passed, found.rows, found.sizes, self.right_prior, self.wrong_prior)
        solutions = posterior[found.of]
        return Scores(solutions=solutions, tests=support(passed, solutions))


@dataclass(frozen=True)
class AveragedB4:
    """B4 over informative tests, averaged: a solution counts with the tests of all likely groups.

    Groups that pass nothing are skipped. The score is the group's posterior plus the share of the expected
    right tests that the solution passes.
    """

    right_prior: float = 10.0
    wrong_prior: float = 100.0

    def __post_init__(self) -> None:
        require_at_least(self, "rankings.parameters", right_prior=0.001, wrong_prior=0.001)

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        kept = informative(passed)
        columns = np.repeat(kept.passed, kept.counts, axis=1)
        found = groups(columns)
        likely = found.rows.any(axis=1)
        if not likely.any():
            solutions = np.zeros(passed.shape[0])
            return Scores(solutions=solutions, tests=support(passed, solutions))
        logs = log_posterior(columns, found.rows, found.sizes, self.right_prior, self.wrong_prior)
        probability = np.where(likely, np.exp(logs - logs[likely].max()), 0.0)
        probability /= probability.sum()
        expected = probability @ found.rows  # (n_columns,) how likely each test is right
        solutions = probability[found.of] + columns @ (expected / expected.sum())
        return Scores(solutions=solutions, tests=support(passed, solutions))


def log_posterior(
    passed: NDArray[np.bool_], rows: NDArray[np.bool_], sizes: NDArray[np.intp], right_prior: float, wrong_prior: float
) -> NDArray[np.float64]:
    """(n_groups,) the logarithm of each group's posterior, up to a constant.

    Args:
        passed: (n_solutions, n_tests).
        rows: (n_groups, n_tests) the tests that a group passes.
        sizes: (n_groups,) its solutions.
    """
    n_solutions, n_tests = passed.shape
    passes = passed.sum(axis=0)
    reached = (rows @ passes).tolist()  # passes, by any solution, of the tests that the group passes
    total = int(passes.sum())
    found: list[float] = []
    for right, size, here in zip(rows.sum(axis=1).tolist(), sizes.tolist(), reached, strict=True):
        others = n_solutions - size
        on_right, on_wrong = here - size * right, total - here
        found.append(
            _log_beta(right + right_prior, n_tests - right + 1)
            + _log_beta(size + right_prior, others + 1)
            + _log_beta(on_right + 1, others * right - on_right + 1)
            + _log_beta(on_wrong + 1, others * (n_tests - right) - on_wrong + wrong_prior)
        )
    return np.array(found)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
