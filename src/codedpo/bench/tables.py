"""Tables in, text out: for the terminal, as Markdown, as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table as RichTable

from codedpo.bench.comparing import Comparison, Table
from codedpo.bench.intervals import Estimate, RankerLine
from codedpo.bench.measuring import METRICS

_PAIRS = METRICS.index("pair accuracy")
_GAIN = "gain in pairs"


def terminal_table(table: Table) -> RichTable:
    """One line a ranker, intervals below the values; bold where the paired difference to the baseline excludes 0."""
    shown = RichTable(title=escape(_title(table)), title_justify="left", box=None, pad_edge=False, padding=(0, 1, 1, 0))
    shown.add_column("ranker", min_width=16, overflow="fold")
    for name in (*METRICS, _GAIN):
        shown.add_column(name.replace(" ", "\n"), justify="right")
    for line in table.lines:
        cells = [_two_lines(*pair) for pair in zip(line.estimates, line.differences, strict=True)]
        gain = line.differences[_PAIRS]
        shown.add_row(escape(line.ranker), *cells, _two_lines(gain, gain, signed=True))
    return shown


def markdown(tables: Sequence[Table]) -> str:
    """All tables; bold as in the terminal."""
    return "\n".join(part for table in tables for part in _markdown_lines(table))


def as_json(tables: Sequence[Table], comparison: Comparison) -> str:
    """Everything, with the differences of all metrics; what is not known is null."""
    content = {"comparison": asdict(comparison), "tables": [_described(table) for table in tables]}
    return json.dumps(content, indent=1, allow_nan=False)


def is_apart(difference: Estimate) -> bool:
    """Whether the interval of a difference excludes 0."""
    return difference.low > 0 or difference.high < 0


def _title(table: Table) -> str:
    what = f"{table.mixed} with right and wrong solutions, {table.smaller} smaller than a draw"
    return f"{table.data}, {table.setting}: {table.tasks} tasks, {what}"


def _two_lines(estimate: Estimate, difference: Estimate, *, signed: bool = False) -> str:
    if math.isnan(estimate.value):
        return "-"
    value = f"{estimate.value:+.3f}" if signed else f"{estimate.value:.3f}"
    value = f"[bold]{value}[/]" if is_apart(difference) else value
    digits = 3 if signed else 2
    return f"{value}\n{_short(estimate.low, digits)} {_short(estimate.high, digits)}"


def _short(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("0.", ".", 1)


def _markdown_lines(table: Table) -> Iterator[str]:
    yield f"**{_title(table)}**\n"
    yield f"| ranker | {' | '.join(METRICS)} | {_GAIN} |"
    yield f"|---{'|---' * (len(METRICS) + 1)}|"
    for line in table.lines:
        cells = [_cell(*pair) for pair in zip(line.estimates, line.differences, strict=True)]
        gain = line.differences[_PAIRS]
        yield f"| {line.ranker} | {' | '.join(cells)} | {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) |"
    yield ""


def _cell(estimate: Estimate, difference: Estimate) -> str:
    if math.isnan(estimate.value):
        return ""
    value = f"{estimate.value:.3f}"
    return f"{f'**{value}**' if is_apart(difference) else value} ({_short(estimate.low)}-{_short(estimate.high)})"


def _described(table: Table) -> dict[str, Any]:
    lines = {line.ranker: _described_line(line) for line in table.lines}
    told = {name: getattr(table, name) for name in ("data", "setting", "tasks", "mixed", "smaller")}
    return told | {"rankers": lines}


def _described_line(line: RankerLine) -> dict[str, Any]:
    found = zip(METRICS, line.estimates, line.differences, strict=True)
    return {name: {"estimate": _numbers(own), "difference": _numbers(gain)} for name, own, gain in found}


def _numbers(estimate: Estimate) -> list[float] | None:
    return None if math.isnan(estimate.value) else [estimate.value, estimate.low, estimate.high]
