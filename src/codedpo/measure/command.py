"""What `codedpo evaluate` was asked in; a printed table and folders of verdicts, or of a comparison, out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from codedpo.config import Config
from codedpo.errors import ConfigError
from codedpo.evaluate import Evaluate
from codedpo.job import local_folder, locked
from codedpo.measure.measurement import Summary, write_measurement
from codedpo.measure.measuring import measure_model, measure_programs
from codedpo.measure.paired import PairedComparison, compare_measurements
from codedpo.places import place
from codedpo.progress import Panel
from codedpo.scores import Score
from codedpo.store import write_text
from codedpo.tools import RunTools


def evaluate_benchmarks(config: Config, benchmarks: Sequence[str], programs: Path | None, console: Console) -> None:
    """Measure the configured model, or the programs of a file, on each benchmark; print and write what came of it.

    Args:
        benchmarks: names; none takes the one of the configuration.
        programs: a file with the columns `task_id` and `solution`.

    Raises:
        CodeDPOError: what went wrong and what to do.
    """
    settings = config.evaluate or Evaluate()
    names = list(benchmarks) or [settings.benchmark]
    if programs and len(names) > 1:
        raise ConfigError("evaluate: the programs of a file belong to one benchmark; name one")
    local = local_folder(config)
    with locked(local), RunTools(config, local) as tools:
        for name in names:
            chosen = replace(settings, benchmark=name)
            with Panel(console) as panel:
                summary, verdicts = (
                    measure_programs(config, chosen, programs, tools, panel)
                    if programs
                    else measure_model(config, chosen, tools, local / "evaluation", panel)
                )
            label = name.replace(":", ".")
            label += f"-{_stem(programs)}-{summary.weights[:8]}" if programs else ""
            folder = place(config.run_folder) / "evaluation" / label
            write_measurement(folder, summary, verdicts)
            console.print(_table(summary))
            console.print(f"{folder}: verdicts.jsonl, summary.json", highlight=False, soft_wrap=True)


def compare_folders(first: Path, second: Path, console: Console) -> PairedComparison:
    """Compare two measurements; print it, write `comparison.json` and `comparison.svg` beside the second one."""
    from codedpo.measure.figure import comparison_figure

    found = compare_measurements(first, second)
    write_text(second / "comparison.json", json.dumps(asdict(found), indent=1))
    write_text(second / "comparison.svg", comparison_figure(found))
    console.print(_comparison_table(found), *_comparison_lines(found), highlight=False, soft_wrap=True)
    console.print(f"{second}: comparison.json, comparison.svg", highlight=False, soft_wrap=True)
    return found


def _stem(file: Path) -> str:
    """The file's name without what says how it is written."""
    return re.sub(r"(\.(jsonl|json|parquet|gz))+$", "", file.name)


def _table(summary: Summary) -> Table:
    shown = Table(title=escape(f"{summary.title}: {summary.model}"), title_justify="left", box=None, pad_edge=False)
    shown.add_column("judged by")
    ks = list(summary.pass_at_k["all"])
    for k in ks:
        shown.add_column(f"pass@{k}", justify="right")
    for name, scores in summary.pass_at_k.items():
        shown.add_row(name, *(_cell(scores[k]) for k in ks))
    shown.caption = (
        f"{summary.problems} problems, {summary.samples} answers each; {_counts(summary)}; {_references(summary)}"
    )
    shown.caption_justify = "left"
    return shown


def _comparison_table(found: PairedComparison) -> Table:
    shown = Table(title=escape(found.first.title), title_justify="left", box=None, pad_edge=False)
    for heading in ("", "pass@1"):
        shown.add_column(heading, justify="right" if heading else "left")
    for summary in (found.first, found.second):
        shown.add_row(escape(summary.model), _cell(summary.pass_at_k["all"][1]))
    shown.add_row("difference", _cell(found.difference, signed=True))
    return shown


def _comparison_lines(found: PairedComparison) -> list[str]:
    return [
        f"newly solved {len(found.gained)}: {_named(found.gained)}",
        f"newly lost {len(found.lost)}: {_named(found.lost)}",
        f"solved by both {found.both}, by neither {found.neither}; McNemar's exact test: p = {found.p_value:.3g}",
    ]


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:12])
    return f"{shown} ..." if len(names) > 12 else shown or "none"


def _references(summary: Summary) -> str:
    if summary.problems == summary.references:
        return f"all {summary.references} references pass here"
    return f"references pass here: {summary.problems} of {summary.references}, the others are left out"


def _counts(summary: Summary) -> str:
    return ", ".join(f"{outcome} {count}" for outcome, count in summary.outcomes.items())


def _cell(score: Score, *, signed: bool = False) -> str:
    form = "{:+.1f}" if signed else "{:.1f}"
    low, high = form.format(100 * score.low), form.format(100 * score.high)
    return f"{form.format(100 * score.value)}% ({low} to {high})"
