"""What the pairs of a run teach, worked out by hand, from real shards."""

from __future__ import annotations

import math
from pathlib import Path

from codedpo.records import Pair
from codedpo.report.figures import pairs_figure
from codedpo.report.pair_numbers import measure_pairs
from codedpo.report.pair_statistics import pair_statistics
from staged import lines, result

SHORT, LONG, OTHER = "x = 1", "x = 1\n\ny = 22", "y = 2"


def pair(
    task: str, chosen: str, rejected: str, margin: float = 0.5, seconds: tuple[float, float] | None = None
) -> Pair:
    fast, slow = seconds or (math.nan, math.nan)
    kind = "efficiency" if seconds else "correctness"
    return Pair(
        [], [], [], kind, task, 0, 1, chosen, rejected, 2.0, 1.0, margin, fast, slow, "codedpo", None, None
    )  # fmt: skip


ROWS = [
    [pair("a", LONG, SHORT, 0.2), pair("a", SHORT, OTHER, 0.0, (1e-6, 3e-6))],
    [pair("b", SHORT, LONG, 1.0), pair("c", OTHER, SHORT, 0.6), pair("d", SHORT, LONG, 0.0, (2e-6, 4e-6))],
]


def test_pairs_are_counted_measured_and_compared_by_kind(tmp_path: Path) -> None:
    shown = lines((pair_statistics(result(tmp_path, "pairs", Pair, ROWS, read=6)),), "pairs")
    longer = "chosen longer than rejected (a bias that training takes over)"
    assert shown == {
        "tasks with no pair": "2 of 6 (33.3%)",
        "tasks with pairs of one kind": "3 of 6 (50.0%)",
        "tasks with pairs of both kinds": "1 of 6 (16.7%)",
        "correctness: pairs": "3",
        f"correctness: {longer}": "1 of 3 (33.3%), shorter 1, equal 1",
        # 13 / 5, 5 / 13 and 5 / 5 characters
        "correctness: characters, chosen / rejected": "median 1, quartiles 0.692 to 1.8, highest 2.6",
        "correctness: lines of the chosen program": "median 1, 90% in 1 to 1.9",
        "correctness: lines of the rejected program": "median 1, 90% in 1 to 1.9",
        "correctness: margin of the scores": "median 0.6, 90% in 0.24 to 0.96",
        # 1 line of 2 + 1 in both, twice, and none of 1 + 1: 1/3, 1/3, 1
        "correctness: share of lines that differ": "of 3: median 0.333, 90% in 0.333 to 0.933",
        # 3 nodes of 6 + 3 in both, twice; of 3 + 3 only the Assign: 1/3, 1/3, 2/3
        "correctness: share of syntax nodes that differ": "of 3: median 0.333, 90% in 0.333 to 0.633",
        "efficiency: pairs": "2",
        f"efficiency: {longer}": "0 of 2 (0.0%), shorter 1, equal 1",
        "efficiency: characters, chosen / rejected": "median 0.692, quartiles 0.538 to 0.846, highest 1",
        "efficiency: lines of the chosen program": "median 1, 90% in 1 to 1",
        "efficiency: lines of the rejected program": "median 1.5, 90% in 1.05 to 1.95",
        "efficiency: margin of the scores": "median 0, 90% in 0 to 0",
        "efficiency: share of lines that differ": "of 2: median 0.667, 90% in 0.367 to 0.967",
        "efficiency: share of syntax nodes that differ": "of 2: median 0.5, 90% in 0.35 to 0.65",
        "efficiency: run time, rejected / chosen": "median 2.5, quartiles 2.25 to 2.75, highest 3",
    }


def test_of_many_pairs_an_even_share_of_each_kind_is_compared(tmp_path: Path) -> None:
    rows = [pair("a", LONG, SHORT), pair("a", SHORT, OTHER, seconds=(1.0, 2.0))] * 2500
    numbers = measure_pairs(result(tmp_path, "pairs", Pair, [rows]))
    assert {kind: len(part.tree_differences) for kind, part in numbers.items()} == {
        "correctness": 834,
        "efficiency": 834,
    }
    assert {len(part.margins) for part in numbers.values()} == {2500}


def test_a_run_without_pairs_has_a_table_and_no_figure(tmp_path: Path) -> None:
    found = pair_statistics(result(tmp_path, "pairs", Pair, [[]], read=2))
    assert lines((found,), "pairs")["tasks with no pair"] == "2 of 2 (100.0%)"
    assert found.figure == ""


def test_the_figure_is_drawn_for_one_kind_and_for_both(tmp_path: Path) -> None:
    for rows in (ROWS, [ROWS[0][:1]], [ROWS[0][1:]]):
        numbers = measure_pairs(result(tmp_path, "pairs", Pair, rows))
        figure = pairs_figure(numbers)
        assert figure.startswith("<svg")
        assert all(kind in figure for kind in numbers)


def test_text_in_the_figure_is_escaped(tmp_path: Path) -> None:
    numbers = measure_pairs(result(tmp_path, "pairs", Pair, ROWS))
    figure = pairs_figure({"<b>loud</b>": numbers["correctness"]})
    assert "loud" in figure and "<b>" not in figure
