# pyright: basic
# (pyarrow ships no types)
"""Shards of rankings and of timings in, their numbers out: what can be trusted, what ties, what is called faster."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np

from codedpo.report.numbers import StageStatistics, Statistic, arrays, quantiles, share, stage_batches
from codedpo.results import StageResult


def ranking_statistics(result: StageResult) -> StageStatistics:
    """How many tests are credible, and how often the best solutions cannot be told apart."""
    return StageStatistics("rankings", tuple(_rankings(result)))


def timing_statistics(result: StageResult) -> StageStatistics:
    """How many solutions are timed, how long they run, and what the comparison calls faster."""
    return StageStatistics("timings", tuple(_timings(result)))


def _rankings(result: StageResult) -> Iterator[Statistic]:
    credible, at_top = array("q"), array("q")
    tests = level = 0
    for batch in stage_batches(result, "credible", "solution_scores"):
        for marks in arrays(batch["credible"], "bool"):
            credible.append(int(marks.sum()))
            tests += len(marks)
        for scores in arrays(batch["solution_scores"], "float64"):
            at_top.append(int((scores == scores.max()).sum()) if len(scores) else 0)
            level += bool(len(scores)) and bool((scores == scores.max()).all())
    tasks = len(credible)
    yield Statistic("tests that are credible", share(sum(credible), tests))
    yield Statistic("credible tests per task", quantiles(credible))
    yield Statistic("tasks without a credible test", share(credible.count(0), tasks))
    yield Statistic("tasks with several solutions at the top", share(sum(n > 1 for n in at_top), tasks))
    yield Statistic("solutions at the top per task", quantiles(at_top))
    yield Statistic("tasks where all solutions have the same score", share(level, tasks))


def _timings(result: StageResult) -> Iterator[Statistic]:
    timed, microseconds = array("q"), array("d")
    compared = faster = decided = 0
    for batch in stage_batches(result, "timed", "seconds", "faster"):
        timed.extend(len(indices) for indices in arrays(batch["timed"], "int32"))
        for seconds in arrays(batch["seconds"], "float64"):
            if seconds.size:
                medians = np.median(seconds, axis=1)
                microseconds.extend((1e6 * medians[np.isfinite(medians)]).tolist())
        for verdicts in arrays(batch["faster"], "bool"):
            compared += len(verdicts) * (len(verdicts) - 1) // 2
            faster += int(verdicts.sum())
            decided += bool(verdicts.any())
    tasks = len(timed)
    measured = array("q", [n for n in timed if n])
    yield Statistic("tasks with solutions to compare", share(len(measured), tasks))
    yield Statistic("timed solutions per such task", quantiles(measured))
    yield Statistic("run time on the credible tests, µs", quantiles(microseconds))
    yield Statistic("two solutions, one called faster", share(faster, compared))
    yield Statistic("two solutions, a tie", share(compared - faster, compared))
    yield Statistic("tasks with a solution called faster", share(decided, tasks))
