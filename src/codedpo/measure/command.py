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
from codedpo.errors import ConfigError, RecordError
from codedpo.evaluate import Evaluate, Verdict, require_references, sandbox_for
from codedpo.job import local_folder, locked
from codedpo.measure.efficiency import EfficiencyScores
from codedpo.measure.measurement import Summary, read_measurement, write_measurement
from codedpo.measure.measuring import data_hash, measure_model, measure_programs
from codedpo.measure.paired import PairedComparison, compare_measurements
from codedpo.measure.speed import SpeedComparison, compare_speed
from codedpo.measure.texts import percent, times
from codedpo.places import place
from codedpo.progress import Panel
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
                kept = local / "evaluation"
                found = (
                    measure_programs(config, chosen, programs, tools, kept, panel)
                    if programs
                    else measure_model(config, chosen, tools, kept, panel)
                )
            label = name.replace(":", ".")
            label += f"-{_stem(programs)}-{found.summary.weights[:8]}" if programs else ""
            folder = place(config.run_folder) / "evaluation" / label
            write_measurement(folder, found)
            title = escape(f"{found.summary.title}: {found.summary.model}")
            console.print(
                title,
                _table(found.summary),
                *_lines(found.summary),
                sep="\n",
                highlight=False,
                soft_wrap=True,
            )
            files = "verdicts.jsonl, summary.json" + (", run_times.jsonl" if found.timed else "")
            console.print(f"{folder}: {files}", highlight=False, soft_wrap=True)


def compare_folders(first: Path, second: Path, config: Config | None, console: Console) -> PairedComparison:
    """Compare two measurements; print it, write `comparison.json`, `.svg` and `.html` beside the second one.

    Args:
        config: tells of benchmarks and the sandbox; with it, the programs that solve a problem in both are timed.
    """
    from codedpo.measure.figure import comparison_figure, speed_figure
    from codedpo.measure.page import page

    found = compare_measurements(first, second)
    console.print(_comparison_table(found), *_comparison_lines(found), sep="\n", highlight=False, soft_wrap=True)
    speed = _time_both(first, second, config, console) if config else None
    written = {"comparison.json": json.dumps({**asdict(found), "speed": asdict(speed) if speed else None}, indent=1)}
    written["comparison.svg"] = comparison_figure(found)
    written["comparison.html"] = page(found, speed)
    if speed:
        written["speed.svg"] = speed_figure(speed)
        console.print(_speed_table(speed), *_left_out_lines(speed), sep="\n", highlight=False, soft_wrap=True)
    for name, text in written.items():
        write_text(second / name, text)
    console.print(f"{second}: {', '.join(written)}", highlight=False, soft_wrap=True)
    return found


def _time_both(first: Path, second: Path, config: Config, console: Console) -> SpeedComparison | None:
    """Run times of the programs of both; None where no problem is solved by both."""
    (summary, before), (_, after) = read_measurement(first), read_measurement(second)
    settings = replace(config.evaluate or Evaluate(), benchmark=summary.benchmark, every=summary.asked["every"])
    solved, problems = _solved(before) & _solved(after), config.problems(settings)
    if data_hash(problems) != summary.data:
        raise RecordError(
            f"{first} was measured on other problems than the configuration names now; nothing can be timed on them: "
            f"check benchmarks.{summary.benchmark}"
        )
    problems = [problem for problem in problems if problem.id in solved]
    local, step = local_folder(config), f"time {summary.benchmark}"
    with locked(local), RunTools(config, local) as tools, Panel(console) as panel:
        oracle = tools.oracle
        panel.started(step, len(problems))
        with tools.open_sandbox(sandbox_for(problems, config.sandbox)) as sandbox:
            ready = require_references(problems, sandbox, oracle, settings.least_references)
            found = compare_speed(
                ready,
                before,
                after,
                sandbox,
                oracle,
                workers=tools.workers,
                on_timed=lambda _: panel.advanced(step, rows=1),
            )
        panel.finished(step, f"{len(found.items) if found else 0} of {len(problems)} problems timed")
    return found


def _solved(verdicts: Sequence[Verdict]) -> set[str]:
    return {verdict.problem for verdict in verdicts if verdict.passed}


def _stem(file: Path) -> str:
    """The file's name without what says how it is written."""
    return re.sub(r"(\.(jsonl|json|parquet|gz))+$", "", file.name)


def _table(summary: Summary) -> Table:
    shown = Table(box=None, pad_edge=False)
    shown.add_column("judged by")
    ks = list(summary.pass_at_k["all"])
    for k in ks:
        shown.add_column(f"pass@{k}", justify="right")
    for name, scores in summary.pass_at_k.items():
        shown.add_row(name, *(percent(scores[k]) for k in ks))
    return shown


def _lines(summary: Summary) -> list[str]:
    found = [f"{summary.problems} problems, {summary.samples} answers each; {_counts(summary)}; {_references(summary)}"]
    if summary.forgeable:
        found.append(f"{summary.forgeable} of the passes were checked in the program's own process and could be forged")
    found += [f"run times: {_efficiency(summary.efficiency)}"] if summary.efficiency else []
    found += [f"contamination: {summary.overlap.describe()}"] if summary.overlap else []
    return found


def _efficiency(found: EfficiencyScores) -> str:
    scores = [f"{name} {score.value:.3f} ({score.low:.3f} to {score.high:.3f})" for name, score in found.scores.items()]
    left_out = [f"{count} left out: {reason}" for reason, count in found.left_out.items()]
    counts = f"{found.timed} answers timed, {found.trusted} of them programs that cannot shorten their readings"
    return "; ".join([*([", ".join(scores)] if scores else []), counts, *left_out])


def _comparison_table(found: PairedComparison) -> Table:
    shown = Table(title=escape(found.first.title), title_justify="left", box=None, pad_edge=False)
    for heading in ("", "pass@1"):
        shown.add_column(heading, justify="right" if heading else "left")
    for summary in (found.first, found.second):
        shown.add_row(escape(summary.model), percent(summary.pass_at_k["all"][1]))
    shown.add_row("difference", percent(found.difference, signed=True))
    return shown


def _speed_table(speed: SpeedComparison) -> Table:
    title = f"run times on {len(speed.items)} problems that both solve"
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    shown.add_column("")
    for heading in ("mean speed-up", "geometric mean", "10% faster", "10% slower"):
        shown.add_column(heading, justify="right")
    for name, part in (("second against first", speed.found), ("first against itself (noise)", speed.floor)):
        cells = (times(part.mean), times(part.geometric_mean), percent(part.faster), percent(part.slower))
        shown.add_row(name, *cells)
    return shown


def _left_out_lines(speed: SpeedComparison) -> list[str]:
    return [f"not timed, {len(names)} ({reason}): {_named(names)}" for reason, names in speed.left_out.items()]


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
