"""Rankers measured on tasks in, means and paired differences to a baseline with bootstrap intervals out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.bench.measuring import METRICS, PER_TASK, POOLED, Measured, correlation, pooled_sums

Floats = NDArray[np.float64]
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% percentile interval over tasks; nan where no task has one."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class RankerLine:
    """One ranker's line of a table."""

    ranker: str
    estimates: tuple[Estimate, ...]
    """In the order of `METRICS`."""
    differences: tuple[Estimate, ...]
    """Paired, to the baseline."""


def ranker_lines(measured: Mapping[str, Measured], baseline: str, *, seed: int) -> tuple[RankerLine, ...]:
    """Means over tasks; the same 2,000 resamples of tasks serve all rankers, so that differences are paired.

    For the pooled Spearman a resample keeps the ranks that solutions have among all tasks.
    """
    n_tasks = len(measured[baseline].values)
    again = np.random.default_rng([seed, 1]).multinomial(n_tasks, np.full(n_tasks, 1 / n_tasks), size=RESAMPLES)
    weights = np.concatenate([np.ones((1, n_tasks)), again.astype(np.float64)])  # row 0: the tasks as they are
    found = {name: _statistics(ranker, weights) for name, ranker in measured.items()}
    return tuple(
        RankerLine(name, _estimates(values), _estimates(values - found[baseline])) for name, values in found.items()
    )


def _statistics(measured: Measured, weights: Floats) -> Floats:
    """(1 + n_resamples, n_metrics) in the order of `METRICS`."""
    known = ~np.isnan(measured.values)
    sums, counts = weights @ np.where(known, measured.values, 0.0), weights @ known
    means = np.where(counts > 0, sums / np.where(counts > 0, counts, 1.0), np.nan)
    pooled = correlation(weights @ pooled_sums(measured))
    columns = {name: means[:, place] for place, name in enumerate(PER_TASK)} | {POOLED: pooled}
    return np.stack([columns[name] for name in METRICS], axis=1)


def _estimates(values: Floats) -> tuple[Estimate, ...]:
    return tuple(_estimate(column) for column in values.T)


def _estimate(values: Floats) -> Estimate:
    """From the value itself, then its resamples; of these some may hold no task with a value."""
    if np.isnan(values[0]):
        return Estimate(float("nan"), float("nan"), float("nan"))
    low, high = np.nanquantile(values[1:], (0.025, 0.975))
    return Estimate(float(values[0]), float(low), float(high))
