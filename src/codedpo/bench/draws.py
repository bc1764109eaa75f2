"""A judged task in, seeded sub-matrices of it out, and the same with weakened tests."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from codedpo.bench.judging import JudgedTask, runs
from codedpo.records import Outcome

VALID, INVALID, UNKNOWN = 1, 0, -1


@dataclass(frozen=True)
class Shape:
    """How many solutions and tests a draw takes; all where a task has fewer."""

    solutions: int = 15
    tests: int = 15


@dataclass(frozen=True, eq=False)
class Draws:
    """Sub-matrices of one task, all of one shape; columns may be left out of some."""

    passed: NDArray[np.bool_]
    """(n_draws, n_solutions, n_tests)"""
    right: NDArray[np.bool_]
    """(n_draws, n_solutions) the truth."""
    runs: NDArray[np.bool_]
    """(n_draws, n_solutions) whether a solution runs to an answer at all."""
    valid: NDArray[np.int8]
    """(n_draws, n_tests) VALID, INVALID, or UNKNOWN, which added tests are too."""
    kept: NDArray[np.bool_]
    """(n_draws, n_tests) False for a column that is left out."""

    def matrices(self) -> NDArray[np.bool_] | list[NDArray[np.bool_]]:
        """What rankers see: (n_draws, n_solutions, n_tests), or a matrix a draw where columns are left out."""
        if self.kept.all():
            return self.passed
        return [passed[:, kept] for passed, kept in zip(self.passed, self.kept, strict=True)]


def draw(task: JudgedTask, shape: Shape, *, count: int, seed: int) -> Draws:
    """Draw solutions and tests without replacement; a task's draws depend on its id and the seed alone."""
    rng = np.random.default_rng([seed, zlib.crc32(task.id.encode())])
    n_solutions, n_tests = task.outcomes.shape
    rows = rng.random((count, n_solutions)).argsort(axis=1)[:, : shape.solutions]
    columns = rng.random((count, n_tests)).argsort(axis=1)[:, : shape.tests]
    valid = task.test_valid.astype(np.int8) if len(task.test_valid) else np.full(n_tests, UNKNOWN, np.int8)
    return Draws(
        passed=(task.outcomes == Outcome.PASSED)[rows[:, :, None], columns[:, None, :]],
        right=task.correct[rows],
        runs=runs(task)[rows],
        valid=valid[columns],
        kept=np.ones(columns.shape, bool),
    )


def raw(draws: Draws) -> Draws:
    """The tests as they were sampled."""
    return draws


def with_trivial(draws: Draws, columns: int = 7) -> Draws:
    """Add tests that every solution passes, such as `assert True`."""
    return _with_columns(draws, np.ones_like(draws.runs), columns)


def with_smoke(draws: Draws, columns: int = 7) -> Draws:
    """Add tests that only call the function: a solution passes them where it runs to an answer in any real cell."""
    return _with_columns(draws, draws.runs, columns)


def with_fewer_valid(draws: Draws, share: float = 0.5) -> Draws:
    """Leave out this share of each draw's valid tests, rounded down: those drawn first, so any of them."""
    valid = draws.valid == VALID
    removed = np.floor(share * valid.sum(axis=1)).astype(int)
    return replace(draws, kept=draws.kept & ~(valid & (valid.cumsum(axis=1) <= removed[:, None])))


def _with_columns(draws: Draws, column: NDArray[np.bool_], count: int) -> Draws:
    """Add `count` copies of a column (n_draws, n_solutions) of which no ranker is asked whether it is valid."""
    n_draws = len(column)
    added = np.repeat(column[:, :, None], count, axis=2)
    return replace(
        draws,
        passed=np.concatenate([draws.passed, added], axis=2),
        valid=np.concatenate([draws.valid, np.full((n_draws, count), UNKNOWN, np.int8)], axis=1),
        kept=np.concatenate([draws.kept, np.ones((n_draws, count), bool)], axis=1),
    )


SETTINGS: dict[str, Callable[[Draws], Draws]] = {
    "raw": raw,
    "7 trivial tests added": with_trivial,
    "7 smoke tests added": with_smoke,
    "half of the valid tests removed": with_fewer_valid,
}
"""What is done to the tests before rankers see them, by the name in tables."""
