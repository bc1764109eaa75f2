"""Means and intervals against draws counted by hand; tables and figures of them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codedpo.ablate.arms import Arm
from codedpo.ablate.cut import Counts
from codedpo.ablate.figure import ablation_figure
from codedpo.ablate.numbers import ACCURACY, CHANGE, CHOSEN, MARGIN, METRICS, PASS_RATE, Line, Table, estimate, table_of
from codedpo.ablate.study import Study, Training, Trial
from codedpo.ablate.tables import markdown
from codedpo.bench.intervals import Estimate
from codedpo.config import make_config
from codedpo.train.likelihood import Class, Likelihood, Score
from training_results import make_result


def test_seeds_and_problems_are_drawn_again() -> None:
    # Only seed 1 solves only problem a: the mean is 1/4. Both draws of seeds are seed 1 in 1/4 of the cases, both draws
    # of problems are a in 1/4: a mean of 1 in 1/16, more than the 2.5% that lie above the interval.
    found = estimate(np.array([[1.0, 0.0], [0.0, 0.0]]), ("a", "b"))
    assert (found.value, found.low, found.high) == (0.25, 0.0, 1.0)


def test_what_belongs_together_is_drawn_together() -> None:
    # Tasks a (two pairs, 1 and 1) and b (0): draws give aa = 1, ab = 2/3, bb = 0, never 1/3 as pairs alone would.
    found = estimate(np.array([[1.0, 1.0, 0.0]]), ("a", "a", "b"))
    assert found.value == 2 / 3
    assert (found.low, found.high) == (0.0, 1.0)
    many = estimate(np.array([[1.0] * 50 + [0.0] * 50]), tuple("a" * 50 + "b" * 50))
    assert (many.low, many.high) == (0.0, 1.0)


def test_one_cluster_has_a_mean_but_no_interval_and_nothing_has_neither() -> None:
    alone = estimate(np.array([[1.0, 0.0]]), ("a", "a"))
    assert alone.value == 0.5
    assert math.isnan(alone.low)
    assert math.isnan(estimate(np.empty((1, 0)), ()).value)


def looks(*gains: float) -> tuple[Likelihood, ...]:
    """Two looks: task a has two right programs and a wrong one, b one of each, c a fast and a slow one."""
    programs: list[tuple[str, Class]] = [
        ("a", "correct"), ("a", "correct"), ("a", "incorrect"), ("b", "correct"), ("b", "incorrect"), ("c", "fast"),
        ("c", "slow"),
    ]  # fmt: skip
    start = tuple(Score(*program, -1.0) for program in programs)
    end = tuple(Score(*program, gain - 1.0) for program, gain in zip(programs, gains, strict=True))
    return Likelihood(0, start), Likelihood(5, end)


def test_gains_of_followed_programs_are_parted_task_by_task() -> None:
    sft = make_result(likelihoods=looks(0.4, 0.2, 0.3, 0.1, 0.2, 0.2, 0.3), chosen_gains=(), rejected_gains=())
    rpo = make_result(likelihoods=looks(0.4, 0.2, -0.3, 0.1, -0.2, 0.2, 0.0), chosen_gains=(), rejected_gains=())
    config = make_config({"run_folder": "r", "llm": {"kind": "llamacpp", "model": "smollm2-135m"}})
    trials = tuple(
        Trial(Arm(name, config), Counts(10, 9, 8, 7, 8, 5, 12), None, (Training(0, result, None, Path()),), ())
        for name, result in (("sft", sft), ("rpo", rpo))
    )
    first, second = table_of(Study("methods", config, trials)).lines
    assert first.estimates["correct"].value == pytest.approx((0.4 + 0.2 + 0.1) / 3)
    assert first.estimates["incorrect"].value == pytest.approx(0.25)
    # a: (0.4 + 0.2) / 2 - 0.3 = 0; b: 0.1 - 0.2 = -0.1
    parting = first.estimates["correct - incorrect"]
    assert (parting.value, parting.low, parting.high) == pytest.approx((-0.05, -0.1, 0.0))
    assert first.estimates["fast - slow"].value == pytest.approx(-0.1)
    assert math.isnan(first.estimates["fast - slow"].low)  # one task
    # a: 0.3 + 0.3; b: 0.1 + 0.2; less those of the first arm: 0.6 and 0.4
    assert second.estimates["correct - incorrect"].value == pytest.approx(0.45)
    assert second.differences["correct - incorrect"].value == pytest.approx(0.5)
    assert second.differences["correct - incorrect"].low == pytest.approx(0.4)
    text = markdown(table_of(Study("methods", config, trials)))
    assert "| arm | correct | incorrect | correct - incorrect | fast | slow | fast - slow |" in text
    assert "| rpo | +0.2333 (+0.1000 to +0.3000) | **-0.2500** (-0.3000 to -0.2000) | **+0.4500** (" in text


@pytest.mark.parametrize(
    ("kind", "arms"), [("data", ("100%", "50%")), ("models", ("a/b", "c/d")), ("pairs", ("both",))]
)
def test_each_ablation_has_a_figure_and_a_table_of_its_arms(kind: str, arms: tuple[str, ...]) -> None:
    made = table(kind, arms)
    svg, text = ablation_figure(made), markdown(made)
    assert all(name in svg and f"| {name} |" in text for name in arms)
    assert ("to first arm" in text) == (kind != "models")
    assert ("grey: before" in svg) == (kind == "models")
    assert "| 30.0% (20.0 to 40.0) | +10.0% (-5.0 to +20.0) |" in text


def test_without_a_benchmark_there_are_the_held_out_numbers_alone() -> None:
    made = replace(table("pairs", ("both", "efficiency")), evaluated="")
    text = markdown(made)
    assert "| arm | tasks | pairs | rows | steps | margin gain | reward accuracy | chosen gain |" in text
    assert "| efficiency | 7 | 8 | 8 | 5 | **+2.00** (+1.00 to +3.00) | " in text
    assert "| both | 7 | 8 | 8 | 5 | +2.00 (+1.00 to +3.00) | " in text


def table(kind: str, arms: tuple[str, ...]) -> Table:
    """The second arm's margin gain is apart from the first one's."""
    found = {
        PASS_RATE: Estimate(0.3, 0.2, 0.4), CHANGE: Estimate(0.1, -0.05, 0.2), MARGIN: Estimate(2, 1, 3),
        ACCURACY: Estimate(0.7, 0.5, 0.9), CHOSEN: Estimate(-1, -2, 1),
    }  # fmt: skip
    none = {name: Estimate(0, 0, 0) for name in METRICS}
    lines = [
        Line(
            arm, 1 / place, Counts(10, 9, 8, 7, 8, 5, 12), Estimate(0.2, 0.1, 0.3), found,
            {} if kind == "models" else none if place == 1 else {**none, MARGIN: Estimate(1, 0.5, 1.5)},
        )
        for place, arm in enumerate(arms, 1)
    ]  # fmt: skip
    return Table(kind, 1, "humaneval", 6, tuple(lines))
