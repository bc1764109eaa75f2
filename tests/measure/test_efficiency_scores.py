"""Scores of run times: worked out by hand from made measurements, and measured through `codedpo evaluate`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from test_measure import RIGHT, Tiny

from codedpo.benchmarks import Problem
from codedpo.config import Config, make_config
from codedpo.evaluate import Check, Verdict
from codedpo.measure.command import evaluate_benchmarks
from codedpo.measure.efficiency import EfficiencyScores, Timed, efficiency_scores, is_timed
from codedpo.measure.measurement import read_measurement
from conftest import run_settings

SLOW = "def {f}(numbers, k):\n    sum(range(20000))\n    return [x for x in numbers if x > k]"
DOUBTFUL = "import sys\nsys.setswitchinterval(1)\n" + RIGHT


class TinyTimed(Tiny):
    """The same problems, whose programs are timed against the references."""

    name = "tiny_timed"

    def problems(self) -> list[Problem]:
        return [replace(problem, efficiency="net") for problem in super().problems()]


def scores(kind: str, found: list[Verdict], timed: list[Timed]) -> EfficiencyScores:
    names = dict.fromkeys(verdict.problem for verdict in found)
    return efficiency_scores([Problem(name, "", "", "", efficiency=kind) for name in names], found, timed)  # type: ignore[arg-type]


def verdicts(*passed: tuple[str, bool]) -> list[Verdict]:
    seen: dict[str, int] = {}
    found: list[Verdict] = []
    for problem, passes in passed:
        found.append(Verdict(problem, passes, "", "", "", "", sample=seen.get(problem, 0)))
        seen[problem] = seen.get(problem, 0) + 1
    return found


def test_eff_counts_what_fails_as_nothing_and_takes_the_best_of_k() -> None:
    answers = [("a", True), ("a", False), ("a", True), ("a", True), ("a", True), *[("b", True)] * 5]
    timed = [Timed("a", n, {"e": 0.5, "in_time": 1.0}, "", False) for n in (0, 2, 3, 4)]
    timed += [Timed("b", n, {"e": float(n == 0), "in_time": float(n != 4)}, "", False) for n in range(5)]
    found = scores("eff", verdicts(*answers), timed)
    assert {name: score.value for name, score in found.scores.items()} == pytest.approx(
        {"eff@1": (0.4 + 0.2) / 2, "eff@5": (0.5 + 1) / 2, "pass@1 in time": (0.8 + 0.8) / 2}
    )
    assert (found.timed, found.trusted, found.left_out) == (9, 0, {})


def test_beyond_is_over_all_answers_but_those_that_could_not_be_timed() -> None:
    timed = [Timed("a", 0, {"beyond": 0.5, "dps": 0.25}, "", False), Timed("b", 0, {}, "why", False)]
    found = scores("beyond", verdicts(("a", True), ("b", True), ("c", False)), timed)
    assert {name: score.value for name, score in found.scores.items()} == {"Beyond": 0.25, "DPS": 0.125}
    assert (found.timed, found.left_out) == (1, {"why": 1})


def test_net_is_of_what_passes_alone() -> None:
    times = {("a", 0): (1.0, 0.5), ("a", 1): (3.0, 0.5), ("b", 0): (30.0, 10.0)}
    timed = [
        Timed(name, n, {"seconds": own, "canonical_seconds": other}, "", True)
        for (name, n), (own, other) in times.items()
    ]
    found = scores("net", verdicts(("a", True), ("a", True), ("b", True), ("b", False), ("c", False)), timed)
    assert {name: score.value for name, score in found.scores.items()} == pytest.approx(
        {"NET": ((2 + 6) / 2 + 3) / 2, "NET, ratio of sums": 32 / 10.5}
    )
    assert (found.timed, found.trusted) == (3, 3)
    low, high = found.scores["NET"].low, found.scores["NET"].high
    assert low == 3 and high == 4  # of two problems, the draws of one of them twice are the ends


def test_a_set_where_nothing_passes_scores_nothing_or_zero() -> None:
    failed = verdicts(("a", False), ("b", False))
    assert {name: score.value for name, score in scores("eff", failed, []).scores.items()} == {
        "eff@1": 0.0, "pass@1 in time": 0.0,
    }  # fmt: skip
    assert scores("beyond", failed, []).scores["Beyond"].value == 0.0
    assert scores("net", failed, []).scores == {} and scores("", failed, []).scores == {}


def test_problems_of_two_kinds_are_scored_apart() -> None:
    problems = [Problem("a", "", "", "", efficiency="beyond"), Problem("b", "", "", "", efficiency="net")]
    timed = [
        Timed("a", 0, {"beyond": 1.0, "dps": 1.0}, "", True),
        Timed("b", 0, {"seconds": 2.0, "canonical_seconds": 1.0}, "", True),
    ]
    found = efficiency_scores(
        [*problems, Problem("c", "", "", "")], verdicts(("a", True), ("b", True), ("c", False)), timed
    )
    assert {name: score.value for name, score in found.scores.items()} == {
        "Beyond": 1.0, "DPS": 1.0, "NET": 2.0, "NET, ratio of sums": 2.0,
    }  # fmt: skip


def test_enamels_answers_are_timed_from_level_0_on() -> None:
    problem = Problem("a", "", "", "", efficiency="eff")
    late = Verdict("a", False, "wrong", "", "", "x", checks=(Check("level_0", "passed"), Check("level_1", "wrong")))
    assert is_timed(problem, late) and not is_timed(replace(problem, efficiency="net"), late)
    assert not is_timed(problem, replace(late, checks=(Check("level_0", "wrong"),)))
    assert not is_timed(problem, replace(late, checks=()))


def config_of(folder: Path, **evaluate: object) -> Config:
    settings = run_settings(folder / "run", folder, "http://127.0.0.1:9/v1")
    return make_config({**settings, "evaluate": {"benchmark": "test_efficiency_scores:TinyTimed", **evaluate}})


def test_programs_that_pass_are_timed_and_not_timed_again(tmp_path: Path) -> None:
    texts = (SLOW, DOUBTFUL, "def {f}(numbers, k):\n    return 1 / 0")
    file = tmp_path / "mine.jsonl"
    rows = [{"task_id": f"tiny/{n}", "solution": text.format(f=f"above{n}")} for n, text in enumerate(texts)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    console = Console(record=True, width=200)
    evaluate_benchmarks(config_of(tmp_path), (), file, console)
    (folder,) = (tmp_path / "run" / "evaluation").glob("*-mine-*")
    found = read_measurement(folder)[0].efficiency
    assert found is not None
    assert (found.timed, found.trusted, found.left_out) == (2, 1, {})
    assert found.scores["NET"].value > 0
    timed = [json.loads(line) for line in (folder / "run_times.jsonl").read_text().splitlines()]
    assert [(row["problem"], bool(row["values"])) for row in timed] == [("tiny/0", True), ("tiny/1", True)]
    assert "2 answers timed, 1 of them programs that cannot shorten their readings" in console.export_text()
    kept = tmp_path / "run" / "evaluation" / "timed.jsonl"
    kept.write_text(kept.read_text() + '\n{"key": "cut sh')
    before = kept.read_text()
    evaluate_benchmarks(config_of(tmp_path), (), file, Console(quiet=True))
    assert kept.read_text() == before
    assert read_measurement(folder)[0].efficiency == found
    evaluate_benchmarks(config_of(tmp_path, efficiency=False), (), file, Console(quiet=True))
    assert read_measurement(folder)[0].efficiency is None
    assert not (folder / "run_times.jsonl").read_text()
