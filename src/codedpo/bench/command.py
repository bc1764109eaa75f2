"""What `codedpo bench rankers` was asked in; printed tables, results.json, tables.md and rankers.svg out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from codedpo.bench.comparing import TOGETHER, Comparison, Table, TaskSet, compare_rankers
from codedpo.bench.draws import Shape
from codedpo.bench.figure import pair_accuracy_figure
from codedpo.bench.judging import judged_tasks
from codedpo.bench.tables import as_json, markdown, terminal_table
from codedpo.errors import ConfigError
from codedpo.models import default_cache
from codedpo.store import write_text


@dataclass(frozen=True)
class RankerBenchmark:
    """Where the tasks are, what is compared on them, and where the answer goes."""

    paths: tuple[Path, ...]
    benchmark: str
    comparison: Comparison
    output: Path


def parse_shape(text: str) -> Shape:
    """`15x15` as solutions and tests."""
    found = re.fullmatch(r"(\d+)x(\d+)", text.strip())
    if found is None:
        raise ConfigError(f"--shape: '{text}' must be solutions x tests, such as 15x15")
    return Shape(int(found[1]), int(found[2]))


def bench_rankers(asked: RankerBenchmark, console: Console) -> list[Table]:
    """Judge, compare, print and write."""
    with console.status("executing (what was executed before is kept)") as status:
        sets = [
            TaskSet(_name(path, asked.benchmark), tuple(judged_tasks(path, asked.benchmark, default_cache())))
            for path in asked.paths
        ]
        tables = compare_rankers(sets, asked.comparison, status.update)
    for table in tables:
        console.print(terminal_table(table))
    _write(asked, tables)
    console.print(f"{asked.output}: results.json, tables.md, rankers.svg", highlight=False, soft_wrap=True)
    return tables


def _write(asked: RankerBenchmark, tables: Sequence[Table]) -> None:
    names = [table.data for table in tables]
    last = TOGETHER if TOGETHER in names else names[-1]
    asked.output.mkdir(parents=True, exist_ok=True)
    write_text(asked.output / "results.json", as_json(tables, asked.comparison))
    write_text(asked.output / "tables.md", markdown(tables))
    write_text(asked.output / "rankers.svg", pair_accuracy_figure([table for table in tables if table.data == last]))


def _name(path: Path, benchmark: str) -> str:
    """A file by its name, a run by its own and the benchmark's."""
    return f"{benchmark} in {path.resolve().name}" if path.is_dir() else path.name.split(".")[0]
