"""Draws of many tasks and a ranker in, what the ranker is worth on each task out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.bench.draws import INVALID, VALID, Draws
from codedpo.bench.metrics import auc, pair_accuracy, rounded, spearman, top_accuracy
from codedpo.rankers import Ranker, score_many
from codedpo.rankers.scores import midranks

Floats = NDArray[np.float64]
PER_TASK = ("AUC", "Spearman", "top-1", "pair accuracy", "AUC of tests")
"""The metrics that one task has a value of, averaged over its draws."""
POOLED = "pooled Spearman"
METRICS = (*PER_TASK[:2], POOLED, *PER_TASK[2:])
"""In the order of tables."""
PAIRS = PER_TASK.index("pair accuracy")


@dataclass(frozen=True, eq=False)
class Measured:
    """A ranker on some tasks."""

    values: Floats
    """(n_tasks, n_metrics) in the order of `PER_TASK`; nan where a task has no right or no wrong one to tell apart."""
    scores: tuple[Floats, ...]
    """Of each task (n_draws, n_solutions), as the ranker gave them."""
    right: tuple[NDArray[np.bool_], ...]
    """Of each task (n_draws, n_solutions)."""


def measure(ranker: Ranker, tasks: Sequence[Draws]) -> Measured:
    """Score every draw of every task."""
    measured = [_measure_task(ranker, draws) for draws in tasks]
    return joined(measured)


def joined(parts: Sequence[Measured]) -> Measured:
    """The same ranker on several sets of tasks, as one."""
    return Measured(
        values=np.concatenate([part.values for part in parts]),
        scores=tuple(scores for part in parts for scores in part.scores),
        right=tuple(right for part in parts for right in part.right),
    )


def _measure_task(ranker: Ranker, draws: Draws) -> Measured:
    given = score_many(ranker, draws.matrices())
    raw = np.stack([score.solutions for score in given])
    scores, right = rounded(raw), draws.right
    tests = np.full(draws.kept.shape, np.nan)
    tests[draws.kept] = np.concatenate([score.tests for score in given])
    tests = rounded(tests)
    values = (
        auc(scores, right, ~right),
        spearman(scores, right),
        top_accuracy(scores, right),
        pair_accuracy(scores, right),
        auc(tests, draws.kept & (draws.valid == VALID), draws.kept & (draws.valid == INVALID)),
    )
    return Measured(np.array([[_mean(value) for value in values]]), (raw,), (right,))


def _mean(values: Floats) -> float:
    """The mean over the draws that have a value; nan where none has."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def pooled_sums(measured: Measured) -> Floats:
    """(n_tasks, 6) sums from which the Spearman of all tasks' solutions together, or of any tasks', follows.

    A solution's rank is among all solutions of all draws and tasks: mid-ranks x, truth y; the sums are of
    1, x, y, x^2, y^2 and xy.
    """
    ranks = midranks(np.concatenate([scores.ravel() for scores in measured.scores]))
    x = ranks / len(ranks) - 0.5
    ends = np.cumsum([scores.size for scores in measured.scores])[:-1]
    parts = zip(np.split(x, ends), measured.right, strict=True)
    return np.array([_sums(part, right.ravel().astype(np.float64)) for part, right in parts])


def _sums(x: Floats, y: Floats) -> list[float]:
    return [float(value) for value in (len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum())]


def correlation(sums: Floats) -> Floats:
    """(...,) Pearson correlation from sums (..., 6); 0 where one side is constant."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = np.sqrt(np.maximum(n * xx - x * x, 0.0) * np.maximum(n * yy - y * y, 0.0))
    return np.where(spread > 1e-9 * n * n, (n * xy - x * y) / np.where(spread > 0, spread, 1.0), 0.0)
