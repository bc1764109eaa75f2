"""Intervals come again, differences are paired, tuning never sees the task that it is measured on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from codedpo.bench.comparing import Comparison, TaskSet, compare_rankers
from codedpo.bench.draws import Shape
from codedpo.bench.intervals import ranker_lines
from codedpo.bench.judging import JudgedTask
from codedpo.bench.measuring import METRICS, PER_TASK, Measured
from codedpo.bench.tuning import tuned_left_out
from codedpo.errors import ConfigError

PAIRS = METRICS.index("pair accuracy")


def measured(pairs: list[float], auc: list[float] | None = None) -> Measured:
    values = np.full((len(pairs), len(PER_TASK)), 0.5)
    values[:, PER_TASK.index("pair accuracy")] = pairs
    values[:, 0] = auc if auc is not None else 0.5
    scores = tuple(np.array([[float(place), 0.0]]) for place in range(len(pairs)))
    return Measured(values, scores, (np.array([[True, False]]),) * len(pairs))


def judged(count: int, seed: int = 0, *, valid: bool = True) -> tuple[JudgedTask, ...]:
    rng = np.random.default_rng(seed)
    tests = np.array([True, True, True, False]) if valid else np.array([], bool)
    return tuple(
        JudgedTask(f"t{number}", rng.integers(0, 2, (5, 4)).astype(np.uint8), rng.random(5) < 0.5, tests)
        for number in range(count)
    )


def test_intervals_are_the_same_again_and_hold_the_mean() -> None:
    rng = np.random.default_rng(0)
    rankers = {"codedpo": measured(rng.random(30).tolist()), "other": measured(rng.random(30).tolist())}
    first, again = (ranker_lines(rankers, "codedpo", seed=0) for _ in range(2))
    assert first == again
    assert first != ranker_lines(rankers, "codedpo", seed=1)
    found = first[1].estimates[PAIRS]
    assert found.value == pytest.approx(rankers["other"].values[:, 3].mean())
    assert found.low < found.value < found.high


def test_a_difference_is_paired_by_task() -> None:
    base = np.random.default_rng(0).random(20) / 2
    lines = ranker_lines(
        {"codedpo": measured(base.tolist()), "other": measured((base + 0.1).tolist())}, "codedpo", seed=0
    )
    gain = lines[1].differences[PAIRS]
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.1, 0.1, 0.1))


def test_tasks_without_a_value_are_left_out_of_the_mean() -> None:
    some = ranker_lines({"codedpo": measured([0.0] * 4, [0.9, math.nan, 0.7, math.nan])}, "codedpo", seed=0)
    assert some[0].estimates[0].value == pytest.approx(0.8)
    none = ranker_lines({"codedpo": measured([0.0] * 2, [math.nan] * 2)}, "codedpo", seed=0)
    assert math.isnan(none[0].estimates[0].value)


def test_tuning_chooses_on_the_other_tasks_alone() -> None:
    # The first candidate is best because of task 0 alone: the others' choice for task 0 is the second one.
    tuned = tuned_left_out([measured([1.0, 0.4, 0.4]), measured([0.0, 0.5, 0.5])])
    assert tuned.values[:, 3].tolist() == [0.0, 0.4, 0.4]
    assert [scores[0, 0] for scores in tuned.scores] == [0.0, 1.0, 2.0]


def test_two_sets_are_reported_alone_and_together() -> None:
    sets = [TaskSet("a", judged(3)), TaskSet("b", judged(4, 1, valid=False))]
    comparison = Comparison(rankers=("count", "majority"), draws=3, shape=Shape(4, 3))
    tables = compare_rankers(sets, comparison)
    assert [(table.data, table.tasks) for table in tables if table.setting == "raw"] == [
        ("a", 3),
        ("b", 4),
        ("all together", 7),
    ]
    # Where no test is known to be valid, none can be left out.
    assert [table.data for table in tables if table.setting.startswith("half")] == ["a"]
    assert [line.ranker for line in tables[0].lines] == ["codedpo", "count", "majority", "majority (tuned left-out)"]


def test_senseless_comparisons_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"draws: 0 must be at least 1"):
        Comparison(draws=0)
    with pytest.raises(ConfigError, match=r"--shape\.solutions: 1 must be at least 2"):
        Comparison(shape=Shape(1, 5))
    with pytest.raises(ConfigError, match="'cuont' is unknown; did you mean 'count'"):
        Comparison(rankers=("cuont",))
    with pytest.raises(ConfigError, match="two of the inputs have one name: a, a"):
        compare_rankers([TaskSet("a", judged(1))] * 2, Comparison(draws=1))
