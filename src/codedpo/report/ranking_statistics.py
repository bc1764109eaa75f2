# pyright: basic
# (pyarrow ships no types)
"""Shards of rankings and of timings in, their numbers out: what can be trusted, what ties, what is called faster."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator

import numpy as np

from codedpo.records import TestFlaw
from codedpo.report.numbers import StageStatistics, Statistic, arrays, quantiles, share, stage_batches
from codedpo.results import StageResult

_FLAWS = {
    TestFlaw.TRIVIAL: "trivial: most stubs pass",
    TestFlaw.PASSED_BY_ALL: "passed by all solutions",
    TestFlaw.PASSED_BY_NONE: "passed by no solution",
    TestFlaw.DUPLICATE: "passed by the same solutions as an earlier one",
}


def ranking_statistics(result: StageResult) -> StageStatistics:
    """How many tests are credible, and how often the best solutions cannot be told apart."""
    return StageStatistics("rankings", tuple(_rankings(result)))


def timing_statistics(result: StageResult) -> StageStatistics:
    """How many solutions are timed, how long they run, and what the comparison calls faster."""
    return StageStatistics("timings", tuple(_timings(result)))


def _rankings(result: StageResult) -> Iterator[Statistic]:
    credible, at_top = array("q"), array("q")
    flaws: Counter[int] = Counter()
    tests = level = 0
    for batch in stage_batches(result, "credible", "solution_scores", "flaws"):
        for marks in arrays(batch["credible"], "bool"):
            credible.append(int(marks.sum()))
            tests += len(marks)
        for found in arrays(batch["flaws"], "uint8"):
            flaws.update(found.tolist())
        for scores in arrays(batch["solution_scores"], "float64"):
            at_top.append(int((scores == scores.max()).sum()) if len(scores) else 0)
            level += bool(len(scores)) and bool((scores == scores.max()).all())
    tasks = len(credible)
    yield Statistic("tests that are credible", share(sum(credible), tests))
    for flaw in (flaw for flaw in TestFlaw if flaw is not TestFlaw.NONE):
        yield Statistic(f"tests that are {_FLAWS[flaw]}", share(flaws[flaw], tests))
    yield Statistic("credible tests per task", quantiles(credible))
    yield Statistic("tasks without a credible test", share(credible.count(0), tasks))
    yield Statistic("tasks with several solutions at the top", share(sum(n > 1 for n in at_top), tasks))
    yield Statistic("solutions at the top per task", quantiles(at_top))
    yield Statistic("tasks where all solutions have the same score", share(level, tasks))


def _timings(result: StageResult) -> Iterator[Statistic]:
    timed, microseconds = array("q"), array("d")
    on_inputs, decided = Counter[bool](), Counter[bool]()
    compared = faster = 0
    for batch in stage_batches(result, "timed", "seconds", "faster", "workload"):
        kinds = batch["workload"].is_valid().to_pylist()
        for kind, indices, verdicts in zip(
            kinds, arrays(batch["timed"], "int32"), arrays(batch["faster"], "bool"), strict=True
        ):
            timed.append(len(indices))
            compared += len(verdicts) * (len(verdicts) - 1) // 2
            faster += int(verdicts.sum())
            on_inputs[kind] += bool(len(indices))
            decided[kind] += bool(verdicts.any())
        for seconds in arrays(batch["seconds"], "float64"):
            if seconds.size:
                medians = np.median(seconds, axis=1)
                microseconds.extend((1e6 * medians[np.isfinite(medians)]).tolist())
    tasks = len(timed)
    measured = array("q", [n for n in timed if n])
    yield Statistic("tasks with solutions to compare", share(len(measured), tasks))
    yield Statistic("timed solutions per such task", quantiles(measured))
    yield Statistic("run time of a pass, µs", quantiles(microseconds))
    yield Statistic("two solutions, one called faster", share(faster, compared))
    yield Statistic("two solutions, a tie", share(compared - faster, compared))
    yield Statistic("tasks with a solution called faster", share(decided.total(), tasks))
    for kind, name in ((True, "generated inputs"), (False, "credible tests")):
        text = f"{share(on_inputs[kind], tasks)}, one solution shown to be faster in {decided[kind]:,}"
        yield Statistic(f"tasks timed on {name}", text)
