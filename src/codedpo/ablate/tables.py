"""An ablation's table in, text out: for the terminal, as Markdown, as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table as RichTable

from codedpo.ablate.numbers import ACCURACY, CHANGE, CHOSEN, LIKELIHOODS, MARGIN, PASS_RATE, Line, Table
from codedpo.ablate.study import Study, Training
from codedpo.bench.intervals import Estimate
from codedpo.bench.tables import is_apart

_COUNTS = ("tasks", "pairs", "rows", "steps")
_FORMS = {
    PASS_RATE: "{:.1%}", CHANGE: "{:+.1%}", MARGIN: "{:+.2f}", ACCURACY: "{:.3f}", CHOSEN: "{:+.2f}",
    **dict.fromkeys(LIKELIHOODS, "{:+.4f}"),
}  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """A table's cells: one row an arm, bold where the paired difference to the first arm excludes 0."""

    title: str
    columns: tuple[str, ...]
    """Beside the arm's name."""
    rows: tuple[tuple[str, ...], ...]
    """In the order of the arms, as Markdown."""


def sheets(table: Table) -> list[Sheet]:
    """The numbers of the arms, and how likely held-out programs became, where they were followed."""
    rows = tuple(tuple(_cells(table, line)) for line in table.lines)
    found = [Sheet(title(table), tuple(_columns(table)), rows)]
    classes = [name for name in LIKELIHOODS if all(name in line.estimates for line in table.lines)]
    if classes:
        rows = tuple(tuple(_metric(line, name) for name in classes) for line in table.lines)
        found.append(Sheet("What held-out programs gained, by class (nats per token)", tuple(classes), rows))
    return found


def terminal_tables(table: Table) -> Iterator[RichTable]:
    """Intervals below the values."""
    for sheet in sheets(table):
        shown = RichTable(
            title=escape(sheet.title), title_justify="left", box=None, pad_edge=False, padding=(0, 1, 1, 0)
        )
        shown.add_column("arm", min_width=8, overflow="fold")
        for name in sheet.columns:
            shown.add_column(name.replace(" - ", " -\n") if " - " in name else name.replace(" ", "\n"), justify="right")
        for line, row in zip(table.lines, sheet.rows, strict=True):
            shown.add_row(escape(_named(line)), *map(_two_lines, row))
        yield shown


def markdown(table: Table) -> str:
    """The same as Markdown, with what was cut and the reading aid."""
    lines: list[str] = []
    for sheet in sheets(table):
        lines += [f"**{sheet.title}**", "", f"| arm | {' | '.join(sheet.columns)} |"]
        lines.append(f"|---{'|---' * len(sheet.columns)}|")
        lines += [f"| {_named(line)} | {' | '.join(row)} |" for line, row in zip(table.lines, sheet.rows, strict=True)]
        lines.append("")
    lines += [*(f"- {line.arm}: {line.counts.describe()}" for line in table.lines), "", note(table), ""]
    return "\n".join(lines)


def as_json(study: Study, table: Table) -> str:
    """Everything, each training on its own too; what is not known is null."""
    trials = {trial.arm.name: trial for trial in study.trials}
    arms = [
        {
            "arm": line.arm,
            **({"share": line.share} if table.kind == "data" else {}),
            "counts": asdict(line.counts),
            "before": _numbers(line.before),
            "metrics": {name: _numbers(found) for name, found in line.estimates.items()},
            "differences to the first arm": {name: _numbers(found) for name, found in line.differences.items()},
            "trainings": [_described(training) for training in trials[line.arm].trainings],
        }
        for line in table.lines
    ]
    told = {"ablation": table.kind, "seeds": table.seeds, "evaluated": table.evaluated}
    return json.dumps(told | {"held_out_tasks": table.held_out_tasks, "arms": arms}, indent=1, allow_nan=False)


def title(table: Table) -> str:
    """What the table is of."""
    seeds = f"{table.seeds} seed{'s' * (table.seeds > 1)}"
    pairs = table.lines[0].counts.held_out_pairs
    measured = [table.evaluated] if table.evaluated else []
    measured.append(f"{pairs} held-out pairs of {table.held_out_tasks} tasks")
    return f"ablate {table.kind}: {seeds}, {table.lines[0].counts.steps} steps an arm; {', '.join(measured)}"


def note(table: Table) -> str:
    """How to read it."""
    bold = "" if table.kind == "models" else " Bold: the paired difference to the first arm excludes 0."
    return (
        "Values with 95% intervals: bootstrap over seeds and over problems (pass@1) or held-out tasks (gains, in nats)."
        f"{bold}"
    )


def _named(line: Line) -> str:
    """The arm, marked where it is not to be compared."""
    return f"{line.arm} (few tasks)" if line.counts.is_sparse else line.arm


def _columns(table: Table) -> list[str]:
    evaluated = ["pass@1 before", "pass@1 after", "change"] if table.evaluated else []
    against = ["to first arm"] if table.evaluated and table.kind != "models" else []
    gains = [MARGIN, ACCURACY, CHOSEN] if table.held_out_tasks else []
    return [*_COUNTS, *evaluated, *against, *gains]


def _cells(table: Table, line: Line) -> Iterator[str]:
    for name in _COUNTS:
        yield str(getattr(line.counts, name))
    if table.evaluated:
        yield _cell(line.before, _FORMS[PASS_RATE])
        yield from (_metric(line, name) for name in (PASS_RATE, CHANGE))
        if table.kind != "models":
            yield _cell(line.differences[PASS_RATE], _FORMS[CHANGE]) if line is not table.lines[0] else ""
    if table.held_out_tasks:
        yield from (_metric(line, name) for name in (MARGIN, ACCURACY, CHOSEN))


def _metric(line: Line, name: str) -> str:
    """The change has an interval of its own that says whether it excludes 0: nothing of it is bold."""
    difference = line.differences.get(name) if name != CHANGE else None
    text = _cell(line.estimates[name], _FORMS[name])
    return f"**{text.replace(' (', '** (', 1)}" if difference and is_apart(difference) else text


def _cell(found: Estimate, form: str) -> str:
    if math.isnan(found.low):
        return "" if math.isnan(found.value) else form.format(found.value)
    low, high = (form.format(value).removesuffix("%") for value in (found.low, found.high))
    return f"{form.format(found.value)} ({low} to {high})"


def _two_lines(cell: str) -> str:
    """A Markdown cell for the terminal."""
    value, _, interval = cell.partition(" (")
    bold = value.startswith("**")
    shown = f"[bold]{escape(value.strip('*'))}[/]" if bold else escape(value)
    return f"{shown}\n{interval.rstrip(')').replace(' to ', ' ')}" if interval else shown


def _numbers(found: Estimate) -> list[float] | None:
    numbers = (found.value, found.low, found.high)
    return [number for number in numbers if not math.isnan(number)] or None


def _described(training: Training) -> dict[str, Any]:
    result, after = training.result, training.after
    told = {
        "seed": training.seed,
        "weights": str(training.folder),
        "steps": result.steps,
        "trained_pairs": result.trained_pairs,
        "trained_rows": result.trained_rows,
        "final_loss": result.final_loss,
        "held_out_pairs": result.held_out_pairs,
        "warnings": list(result.warnings),
    }
    if not after:
        return told
    return told | {"pass@1": {"passed": after.passed, "problems": len(after.verdicts)}}
