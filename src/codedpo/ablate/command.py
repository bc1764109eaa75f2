"""What `codedpo ablate` was asked in; a printed table, report.html, table.md, figure.svg and results.json out."""

from __future__ import annotations

from rich.console import Console

from codedpo.ablate.arms import arms_of
from codedpo.ablate.figure import ablation_figure
from codedpo.ablate.numbers import Table, table_of
from codedpo.ablate.page import page
from codedpo.ablate.study import study
from codedpo.ablate.tables import as_json, markdown, note, terminal_tables
from codedpo.config import Config, dump_config
from codedpo.places import place
from codedpo.progress import Panel
from codedpo.store import write_text


def ablate(config: Config, kind: str, console: Console) -> Table:
    """Do an ablation, print and write what it came to."""
    with Panel(console) as panel:
        found = study(config, kind, observer=panel)
    table = table_of(found)
    folder = place(config.run_folder) / "ablations" / kind
    write_text(folder / "config.yaml", dump_config(config))
    write_text(folder / "results.json", as_json(found, table))
    write_text(folder / "table.md", markdown(table))
    write_text(folder / "figure.svg", ablation_figure(table))
    write_text(folder / "report.html", page(found, table))
    console.print(*terminal_tables(table), note(table))
    console.print(f"{folder}: report.html, table.md, figure.svg, results.json", highlight=False, soft_wrap=True)
    return table


def describe_ablation(config: Config, kind: str) -> str:
    """What an ablation would do, as text, before anything starts."""
    arms = arms_of(config, kind)
    seeds, train = config.ablations.seeds, arms[0].train
    models = {arm.train.model or arm.config.llm.model for arm in arms}
    lines = [f"ablate {kind}, run folder {config.run_folder}, output to its ablations/{kind}", ""]
    lines += [f"  {arm.name:<22}{_what(kind, config, train.model or config.llm.model)}" for arm in arms]
    lines += ["", f"{len(arms)} arms x {seeds} seeds: {len(arms) * seeds} trainings"]
    if config.evaluate is not None:
        problems = len(config.problems())
        lines[-1] += f", {len(models) + len(arms) * seeds} evaluations of {problems} problems ({config.evaluate.title})"
    common = "shares of the same tasks" if kind == "data" else "cut to the tasks that all arms have a pair for"
    steps = f"{train.steps} steps" if train.steps else "the most" if kind == "data" else "the least"
    lines.append(f"Held equal: held-out tasks and pairs; training tasks {common}; optimiser steps ({_of(steps)}).")
    return "\n".join(lines)


def _of(steps: str) -> str:
    return steps if "steps" in steps else f"{steps} that any arm would do in train.epochs"


def _what(kind: str, config: Config, model: str) -> str:
    """What an arm does with what all share."""
    if kind == "rankers":
        efficiency = "" if config.ablations.efficiency else " for correctness, nothing is timed"
        return f"ranks the same executions, pairs{efficiency}; trains {model}"
    return "trained on the run's pairs" if kind == "models" else f"trains {model} on the run's pairs"
