# pyright: basic
# (pyarrow ships no types)
"""Shards of pairs in, what a model would learn from them out as numbers, kind by kind."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codedpo.code.difference import text_difference, tree_difference
from codedpo.report.numbers import count_lines, stage_batches
from codedpo.results import StageResult

_MOST_COMPARED = 2_000
_COLUMNS = ("task_id", "kind", "margin", "chosen_program", "rejected_program", "chosen_seconds", "rejected_seconds")


def _doubles() -> array[float]:
    return array("d")


def _integers() -> array[int]:
    return array("q")


@dataclass(frozen=True)
class PairNumbers:
    """What is measured of the pairs of one kind, in the order of the run."""

    tasks: set[str] = field(default_factory=set[str])
    margins: array[float] = field(default_factory=_doubles)
    chosen_lines: array[int] = field(default_factory=_integers)
    rejected_lines: array[int] = field(default_factory=_integers)
    length_ratios: array[float] = field(default_factory=_doubles)
    """Characters of the chosen / of the rejected program."""
    time_ratios: array[float] = field(default_factory=_doubles)
    """Run time of the rejected / of the chosen program, of pairs for efficiency."""
    text_differences: array[float] = field(default_factory=_doubles)
    """Of an even share of many pairs; so are those of the trees."""
    tree_differences: array[float] = field(default_factory=_doubles)


def measure_pairs(result: StageResult) -> Mapping[str, PairNumbers]:
    """The numbers of each kind of pair; streams the columns that they need."""
    step = -(-result.row_count() // _MOST_COMPARED) or 1
    numbers: defaultdict[str, PairNumbers] = defaultdict(PairNumbers)
    for batch in stage_batches(result, *_COLUMNS):
        for pair in batch.to_pylist():
            of_kind = numbers[pair["kind"]]
            _measure(of_kind, pair, compares=len(of_kind.margins) % step == 0)
    return dict(sorted(numbers.items()))


def _measure(numbers: PairNumbers, pair: dict[str, Any], *, compares: bool) -> None:
    chosen, rejected = pair["chosen_program"].strip(), pair["rejected_program"].strip()
    numbers.tasks.add(pair["task_id"])
    numbers.margins.append(pair["margin"])
    numbers.chosen_lines.append(count_lines(chosen))
    numbers.rejected_lines.append(count_lines(rejected))
    numbers.length_ratios.append(len(chosen) / max(len(rejected), 1))
    if pair["kind"] == "efficiency" and pair["chosen_seconds"] > 0:
        numbers.time_ratios.append(pair["rejected_seconds"] / pair["chosen_seconds"])
    if compares:
        numbers.text_differences.append(text_difference(rejected, chosen))
        numbers.tree_differences.append(tree_difference(rejected, chosen))
