"""Judged tasks in, a table for each weakening of the tests out: every ranker on the same draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from codedpo.bench.draws import SETTINGS, Draws, Shape, draw
from codedpo.bench.intervals import RankerLine, ranker_lines
from codedpo.bench.judging import JudgedTask
from codedpo.bench.measuring import Measured, joined, measure
from codedpo.bench.tuning import GRIDS, tuned_left_out, tuned_name
from codedpo.checks import require_at_least
from codedpo.errors import ConfigError
from codedpo.rankers import RANKERS, make_ranker

BASELINE = "codedpo"
_NEEDS_VALIDITY = "half of the valid tests removed"

TOGETHER = "all together"
"""The name of all inputs in tables."""


@dataclass(frozen=True)
class Comparison:
    """What is compared, and how."""

    rankers: tuple[str, ...] = tuple(RANKERS)
    """Names in `codedpo.RANKERS` or `package.module:Class`; the baseline is always among them."""
    shape: Shape = Shape()
    draws: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        require_at_least(self, "", draws=1, seed=0)
        require_at_least(self.shape, "--shape", solutions=2, tests=1)
        for name in self.rankers:
            make_ranker(name)


@dataclass(frozen=True, eq=False)
class TaskSet:
    """The tasks of one file or run."""

    name: str
    tasks: tuple[JudgedTask, ...]


@dataclass(frozen=True)
class Table:
    """One set of tasks under one setting."""

    data: str
    setting: str
    tasks: int
    mixed: int
    """Tasks with both right and wrong solutions: the ones that AUC and Spearman are of."""
    smaller: int
    """Tasks with fewer solutions or tests than a draw takes."""
    lines: tuple[RankerLine, ...]


def compare_rankers(
    sets: Sequence[TaskSet], comparison: Comparison, advance: Callable[[str], None] = lambda _: None
) -> list[Table]:
    """Tables of each set alone, then of all together where there are several.

    Args:
        advance: told what is measured next.

    Raises:
        ConfigError: two sets of one name.
    """
    if len({group.name for group in sets}) < len(sets):
        raise ConfigError(f"two of the inputs have one name: {', '.join(group.name for group in sets)}")
    tables: list[Table] = []
    for setting in SETTINGS:
        known = [group for group in sets if setting != _NEEDS_VALIDITY or _has_validity(group)]
        measured: list[dict[str, Measured]] = []
        for group in known:
            advance(f"{group.name}: {setting}")
            measured.append(_measure_all(group, setting, comparison))
            tables.append(_table(group.name, setting, [group], measured[-1:], comparison))
        if len(known) > 1:
            tables.append(_table(TOGETHER, setting, known, measured, comparison))
    return tables


def _has_validity(group: TaskSet) -> bool:
    return all(len(task.test_valid) == task.outcomes.shape[1] for task in group.tasks)


def _measure_all(group: TaskSet, setting: str, comparison: Comparison) -> dict[str, Measured]:
    """Every ranker and, where it is to be tuned, every candidate."""
    drawn = (draw(task, comparison.shape, count=comparison.draws, seed=comparison.seed) for task in group.tasks)
    draws: list[Draws] = [SETTINGS[setting](one) for one in drawn]
    measured = {name: measure(make_ranker(name), draws) for name in dict.fromkeys((BASELINE, *comparison.rankers))}
    for name in set(GRIDS) & set(measured):
        measured |= {_candidate(name, place): measure(ranker, draws) for place, ranker in enumerate(GRIDS[name])}
    return measured


def _candidate(name: str, place: int) -> str:
    return f"{tuned_name(name)} {place}"


def _table(
    name: str, setting: str, groups: Sequence[TaskSet], measured: Sequence[dict[str, Measured]], comparison: Comparison
) -> Table:
    whole = {ranker: joined([part[ranker] for part in measured]) for ranker in measured[0]}
    for ranker in [ranker for ranker in GRIDS if ranker in whole]:
        candidates = [whole.pop(_candidate(ranker, place)) for place in range(len(GRIDS[ranker]))]
        whole[tuned_name(ranker)] = tuned_left_out(candidates)
    tasks = [task for group in groups for task in group.tasks]
    mixed = sum(bool(task.correct.any() and not task.correct.all()) for task in tasks)
    wanted = (comparison.shape.solutions, comparison.shape.tests)
    smaller = sum(any(np.less(task.outcomes.shape, wanted)) for task in tasks)
    return Table(name, setting, len(tasks), mixed, smaller, ranker_lines(whole, BASELINE, seed=comparison.seed))
