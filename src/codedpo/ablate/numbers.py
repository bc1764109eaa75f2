"""A finished ablation in, a table out: means of each arm and differences to the first, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.ablate.cut import Counts
from codedpo.ablate.study import Study, Trial
from codedpo.bench.intervals import RESAMPLES, Estimate
from codedpo.train.likelihood import Class, Likelihood, change

Floats = NDArray[np.float64]

PASS_RATE, CHANGE = "pass@1", "change of pass@1"
MARGIN, ACCURACY, CHOSEN = "margin gain", "reward accuracy", "chosen gain"
METRICS = (PASS_RATE, CHANGE, MARGIN, ACCURACY, CHOSEN)
"""In the order of tables; the first two of benchmark problems, where they were asked, the others of held-out pairs."""
CONTRASTS: Mapping[str, tuple[Class, Class]] = {
    "correct - incorrect": ("correct", "incorrect"),
    "fast - slow": ("fast", "slow"),
}
"""How much more one class of held-out programs gained than the other one of the same tasks."""
LIKELIHOODS = ("correct", "incorrect", "correct - incorrect", "fast", "slow", "fast - slow")
"""Gains of held-out programs by class, nats per token, and what parts the classes; in the order of the table."""


@dataclass(frozen=True)
class Line:
    """One arm."""

    arm: str
    share: float
    counts: Counts
    before: Estimate
    """pass@1 before training."""
    estimates: Mapping[str, Estimate]
    """By metric."""
    differences: Mapping[str, Estimate]
    """Paired, to the first arm; none where arms start from different models."""


@dataclass(frozen=True)
class Table:
    """An ablation in numbers."""

    kind: str
    seeds: int
    evaluated: str
    """The benchmark; empty where none was asked."""
    held_out_tasks: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, eq=False)
class _Values:
    """What is averaged: one value for each seed and each problem or held-out pair."""

    values: Floats
    """(n_seeds, n_items)"""
    clusters: tuple[str, ...]
    """(n_items,) what belongs together: the problem, or the task of a pair."""


def table_of(study: Study) -> Table:
    """All numbers of an ablation."""
    measured = [_measure(trial) for trial in study.trials]
    is_paired = study.kind != "models"
    evaluate = study.config.evaluate
    clusters = {name for trial in study.trials for name in trial.held_out_tasks}
    return Table(
        kind=study.kind,
        seeds=study.config.ablations.seeds,
        evaluated=evaluate.title if evaluate else "",
        held_out_tasks=len(clusters),
        lines=tuple(
            _line(trial, own, measured[0] if is_paired else {})
            for trial, own in zip(study.trials, measured, strict=True)
        ),
    )


def estimate(values: Floats, clusters: tuple[str, ...]) -> Estimate:
    """The mean with its 95% percentile interval: seeds and clusters are drawn again, 2,000 times.

    One cluster alone has no interval.
    The draws depend on the numbers of seeds and clusters alone, so that those of two arms are the same.

    Args:
        values: (n_seeds, n_items)
    """
    nan = float("nan")
    if not values.size:
        return Estimate(nan, nan, nan)
    _, places = np.unique(np.array(clusters), return_inverse=True)
    n_seeds, n_clusters = len(values), int(places.max()) + 1
    if n_clusters == 1:
        return Estimate(float(values.mean()), nan, nan)
    sums = np.stack([np.bincount(places, row, n_clusters) for row in values])  # (n_seeds, n_clusters)
    sizes = np.bincount(places, minlength=n_clusters)
    random = np.random.default_rng([0, n_seeds, n_clusters])
    seeds = random.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), RESAMPLES) / n_seeds
    weights = random.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), RESAMPLES)
    means = ((seeds @ sums) * weights).sum(axis=1) / (weights @ sizes)
    low, high = np.quantile(means, (0.025, 0.975))
    return Estimate(float(values.mean()), float(low), float(high))


def _line(trial: Trial, own: Mapping[str, _Values], first: Mapping[str, _Values]) -> Line:
    before = [float(verdict.passed) for verdict in trial.before.verdicts] if trial.before else []
    problems = tuple(verdict.problem for verdict in trial.before.verdicts) if trial.before else ()
    return Line(
        arm=trial.arm.name,
        share=trial.arm.share,
        counts=trial.counts,
        before=estimate(np.array([before]), problems),
        estimates={name: estimate(part.values, part.clusters) for name, part in own.items()},
        differences={name: estimate(own[name].values - part.values, part.clusters) for name, part in first.items()},
    )


def _measure(trial: Trial) -> dict[str, _Values]:
    """The values of each metric that there are."""
    found: dict[str, _Values] = {}
    rates = [training.after for training in trial.trainings if training.after]
    if trial.before and rates:
        problems = tuple(verdict.problem for verdict in trial.before.verdicts)
        passed = np.array([[float(verdict.passed) for verdict in rate.verdicts] for rate in rates])
        before = np.array([float(verdict.passed) for verdict in trial.before.verdicts])
        found |= {PASS_RATE: _Values(passed, problems), CHANGE: _Values(passed - before, problems)}
    chosen = np.array([training.result.chosen_gains for training in trial.trainings])
    if chosen.size:
        margins = chosen - np.array([training.result.rejected_gains for training in trial.trainings])
        parts = {MARGIN: margins, ACCURACY: (margins > 0).astype(np.float64), CHOSEN: chosen}
        found |= {name: _Values(values, trial.held_out_tasks) for name, values in parts.items()}
    followed = [training.result.likelihoods for training in trial.trainings]
    return found | (_likelihoods([change(looks) for looks in followed]) if all(followed) else {})


def _likelihoods(gains: Sequence[Likelihood]) -> dict[str, _Values]:
    """Of each class: the gains of its programs; of each contrast: by task, the difference of the classes' means.

    Args:
        gains: one a seed, all of the same programs.
    """
    found: dict[str, _Values] = {}
    for kind in gains[0].counts:
        values = np.array([[score.value for score in each.of(kind)] for each in gains])
        found[kind] = _Values(values, tuple(score.task_id for score in gains[0].of(kind)))
    for name, (better, worse) in CONTRASTS.items():
        tasks = tuple(sorted(gains[0].tasks(better) & gains[0].tasks(worse)))
        if tasks:
            found[name] = _Values(np.array([_parting(each, better, worse, tasks) for each in gains]), tasks)
    return found


def _parting(gains: Likelihood, better: Class, worse: Class, tasks: Sequence[str]) -> list[float]:
    """By task: the mean gain of one class less that of the other one."""
    return [_mean(gains, better, task) - _mean(gains, worse, task) for task in tasks]


def _mean(gains: Likelihood, kind: Class, task: str) -> float:
    return float(np.mean([score.value for score in gains.of(kind) if score.task_id == task]))
