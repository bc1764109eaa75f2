"""A pass matrix in, groups of equal solutions, informative tests and the support of tests out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Groups:
    """Solutions that pass exactly the same tests."""

    of: NDArray[np.intp]
    """(n_solutions,) the group of each solution."""
    rows: NDArray[np.bool_]
    """(n_groups, n_tests) the tests that a group passes."""
    sizes: NDArray[np.intp]
    """(n_groups,)"""


@dataclass(frozen=True, eq=False)
class Informative:
    """The tests that tell solutions apart, each kind once."""

    passed: NDArray[np.bool_]
    """(n_solutions, n_kinds) columns that are neither all true nor all false, equal ones merged."""
    counts: NDArray[np.intp]
    """(n_kinds,) how many of the tests are of a kind."""


def groups(passed: NDArray[np.bool_]) -> Groups:
    """The consensus sets of CodeT (arXiv 2207.10397), in the order in which they first appear."""
    places: dict[bytes, int] = {}
    of = np.array([places.setdefault(row.tobytes(), len(places)) for row in passed], dtype=np.intp)
    first = np.unique(of, return_index=True)[1]
    return Groups(of, passed[first], np.bincount(of))


def informative(passed: NDArray[np.bool_]) -> Informative:
    """The columns with 0 < share of passes < 1, merged where they are equal."""
    telling = passed[:, passed.any(axis=0) & ~passed.all(axis=0)]
    kinds = groups(np.ascontiguousarray(telling.T))
    return Informative(kinds.rows.T, kinds.sizes)


def support(passed: NDArray[np.bool_], solutions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_tests,) the share of the solutions' scores, least one taken as 0, that stands behind each test."""
    if not len(solutions):
        return np.zeros(int(passed.shape[1]))
    above_least = solutions - solutions.min()
    weights = above_least if above_least.any() else np.ones(len(solutions))
    return np.asarray(weights @ passed.astype(np.float64) / weights.sum(), dtype=np.float64)
