"""The numbers of rankings and timings, worked out by hand, from real shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from codedpo.records import Execution, Ranking, Samples, Timing
from codedpo.report.ranking_statistics import ranking_statistics, timing_statistics
from staged import lines, result


def ranking(scores: list[float], credible: list[bool]) -> Ranking:
    n, m = len(scores), len(credible)
    samples = Samples(None, ("def f(): ...",) * n, ("assert f()",) * m, 0, 0, None, None)
    outcomes = np.zeros((n, m), np.uint8)
    execution = Execution(samples, outcomes, np.ones((n, m), np.float32), outcomes == 0, ())
    return Ranking(execution, "codedpo", np.array(scores), np.ones(m), np.array(credible))


def timing(seconds: list[list[float]], faster: list[tuple[int, int]]) -> Timing:
    verdicts = np.zeros((len(seconds), len(seconds)), bool)
    for row, column in faster:
        verdicts[row, column] = True
    timed = np.arange(len(seconds), dtype=np.int32)
    return Timing(ranking([1.0] * 4, [True]), timed, np.array(seconds, ndmin=2), verdicts)


def test_credible_tests_and_ties_at_the_top_are_counted_by_task(tmp_path: Path) -> None:
    rows = [
        [ranking([3, 3, 1], [True, True, False]), ranking([2, 1], [False, False])],
        [ranking([5, 5, 5, 5], [True, False, True, True])],
    ]
    found = ranking_statistics(result(tmp_path, "rankings", Ranking, rows))
    assert lines((found,), "rankings") == {
        "tests that are credible": "5 of 9 (55.6%)",
        "credible tests per task": "median 2, 90% in 0.2 to 2.9",
        "tasks without a credible test": "1 of 3 (33.3%)",
        "tasks with several solutions at the top": "2 of 3 (66.7%)",
        "solutions at the top per task": "median 2, 90% in 1.1 to 3.8",
        "tasks where all solutions have the same score": "1 of 3 (33.3%)",
    }


def test_verdicts_are_counted_by_two_timed_solutions(tmp_path: Path) -> None:
    three = [[1e-6, 1e-6, 3e-6], [2e-6, 2e-6, 2e-6], [4e-6, 4e-6, np.nan]]  # the third did not pass again
    rows = [[timing(three, [(0, 1)]), timing([], [])], [timing([[1e-6], [1e-6]], [])]]
    found = timing_statistics(result(tmp_path, "timings", Timing, rows))
    assert lines((found,), "timings") == {
        "tasks with solutions to compare": "2 of 3 (66.7%)",
        "timed solutions per such task": "median 2.5, 90% in 2.05 to 2.95",
        "run time on the credible tests, µs": "median 1, 90% in 1 to 1.85",  # 1, 2; 1, 1
        "two solutions, one called faster": "1 of 4 (25.0%)",
        "two solutions, a tie": "3 of 4 (75.0%)",
        "tasks with a solution called faster": "1 of 3 (33.3%)",
    }
