"""Shards of pairs in, the table and the figure of the stage `pairs` out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from codedpo.report.figures import pairs_figure
from codedpo.report.numbers import StageStatistics, Statistic, quantiles, quartiles, share
from codedpo.report.pair_numbers import PairNumbers, measure_pairs
from codedpo.results import StageResult


def pair_statistics(result: StageResult) -> StageStatistics:
    """Pairs and tasks by kind, then of each kind lengths, margins, differences and run times."""
    numbers = measure_pairs(result)
    lines = list(_tasks(numbers.values(), sum(made.read for made in result.made)))
    for kind, of_kind in numbers.items():
        lines += [Statistic(f"{kind}: {line.name}", line.value) for line in _lines(of_kind)]
    return StageStatistics("pairs", tuple(lines), pairs_figure(numbers))


def _tasks(numbers: Iterable[PairNumbers], given: int) -> Iterator[Statistic]:
    """How many kinds of pairs the tasks have."""
    kinds = Counter(id for of_kind in numbers for id in of_kind.tasks)
    several = sum(count > 1 for count in kinds.values())
    yield Statistic("tasks with no pair", share(max(given - len(kinds), 0), given))
    yield Statistic("tasks with pairs of one kind", share(len(kinds) - several, given))
    yield Statistic("tasks with pairs of both kinds", share(several, given))


def _lines(numbers: PairNumbers) -> Iterator[Statistic]:
    """The table's lines for one kind."""
    ratios = numbers.length_ratios
    longer, equal = sum(ratio > 1 for ratio in ratios), ratios.count(1.0)
    yield Statistic("pairs", f"{len(ratios):,}")
    yield Statistic(
        "chosen longer than rejected (a bias that training takes over)",
        f"{share(longer, len(ratios))}, shorter {len(ratios) - longer - equal:,}, equal {equal:,}",
    )
    yield Statistic("characters, chosen / rejected", quartiles(ratios))
    yield Statistic("lines of the chosen program", quantiles(numbers.chosen_lines))
    yield Statistic("lines of the rejected program", quantiles(numbers.rejected_lines))
    yield Statistic("margin of the scores", quantiles(numbers.margins))
    compared = f"of {len(numbers.text_differences):,}: "
    yield Statistic("share of lines that differ", compared + quantiles(numbers.text_differences))
    yield Statistic("share of syntax nodes that differ", compared + quantiles(numbers.tree_differences))
    if numbers.time_ratios:
        yield Statistic("run time, rejected / chosen", quartiles(numbers.time_ratios))
