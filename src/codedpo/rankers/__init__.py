"""Rankers: pass matrix in, scores of solutions and tests out. Pure functions behind one Protocol.

A ranker of your own is a class that takes its parameters by keyword and, called with
`passed (n_solutions, n_tests) bool`, returns `Scores`; name it `package.module:Class` in the YAML.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from codedpo.errors import ConfigError
from codedpo.plugins import resolve
from codedpo.rankers.all_tests import AllTests
from codedpo.rankers.b4 import B4, AveragedB4
from codedpo.rankers.chance import Chance
from codedpo.rankers.codedpo import CodeDPO
from codedpo.rankers.codet import CodeT, MBRExec
from codedpo.rankers.count import Count
from codedpo.rankers.kernel import KernelConsensus
from codedpo.rankers.majority import Majority
from codedpo.rankers.rank_sum import RankSum
from codedpo.rankers.scores import Scores

_CELLS_TOGETHER = 2048 * 15 * 15
"""Cells of the matrices scored at once: their floats stay within a few megabytes."""

__all__ = ["RANKERS", "Ranker", "Scores", "make_ranker", "rank", "rank_many", "score_many"]


class Ranker(Protocol):
    """What every ranker is."""

    def __call__(self, passed: NDArray[np.bool_]) -> Scores:
        """Score solutions and tests from `passed (n_solutions, n_tests) bool`."""
        ...


RANKERS: dict[str, type[Ranker]] = {
    "codedpo": CodeDPO,
    "count": Count,
    "all_tests": AllTests,
    "random": Chance,
    "codet": CodeT,
    "mbr_exec": MBRExec,
    "b4": B4,
    "kernel_consensus": KernelConsensus,
    "averaged_b4": AveragedB4,
    "rank_sum": RankSum,
    "majority": Majority,
}


def make_ranker(name: str, **parameters: Any) -> Ranker:
    """The ranker of that registry name or `package.module:Class`, with its parameters."""
    ranker = resolve(name, RANKERS, "rankings.ranker")
    try:
        return ranker(**parameters)
    except TypeError as error:
        raise ConfigError(f"rankings.parameters: {name} does not take them: {error}") from error


def rank(passed: NDArray[np.bool_], ranker: str = "codedpo", **parameters: Any) -> Scores:
    """Score the solutions and tests of one task.

    Args:
        passed: (n_solutions, n_tests) bool, whether solution i passes test j.
        ranker: a name in `RANKERS` or `package.module:Class`.
    """
    return make_ranker(ranker, **parameters)(_as_matrix(passed))


def rank_many(passed: Sequence[NDArray[np.bool_]] | NDArray[np.bool_], ranker: str = "codedpo") -> list[Scores]:
    """Score many tasks: the same numbers as `rank` on each matrix.

    Args:
        passed: one matrix a task, of any shapes, or (n_tasks, n_solutions, n_tests) bool, which is the fastest.
        ranker: as in `rank`.
    """
    return score_many(make_ranker(ranker), passed)


def score_many(scorer: Ranker, passed: Sequence[NDArray[np.bool_]] | NDArray[np.bool_]) -> list[Scores]:
    """Score many tasks with a ranker that was made.

    Matrices of one shape go together to one that has a method `many(passed (n_tasks, n_solutions, n_tests))`.
    """
    together: Callable[[NDArray[np.bool_]], list[Scores]] | None = getattr(scorer, "many", None)
    if together is None:
        return [scorer(_as_matrix(matrix)) for matrix in passed]
    if isinstance(passed, np.ndarray) and passed.ndim == 3:
        return _same_shape(together, np.asarray(passed, dtype=np.bool_))
    matrices = [_as_matrix(matrix) for matrix in passed]
    places: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for place, matrix in enumerate(matrices):
        places[matrix.shape].append(place)
    scores: dict[int, Scores] = {}
    for shape, group in places.items():
        stacked = np.concatenate([matrices[place] for place in group]).reshape(len(group), *shape)
        scores.update(zip(group, _same_shape(together, stacked), strict=True))
    return [scores[place] for place in range(len(matrices))]


def _same_shape(together: Callable[[NDArray[np.bool_]], list[Scores]], passed: NDArray[np.bool_]) -> list[Scores]:
    step = max(1, _CELLS_TOGETHER // max(1, int(np.prod(passed.shape[1:]))))
    chunks = (passed[start : start + step] for start in range(0, len(passed), step))
    return [scores for chunk in chunks for scores in together(chunk)]


def _as_matrix(passed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    matrix: NDArray[np.bool_] = np.asarray(passed, dtype=np.bool_)
    if matrix.ndim != 2:
        raise ValueError(f"passed has shape {matrix.shape}; it must be (n_solutions, n_tests)")
    return matrix
