"""A file of labelled samples, or a run whose tasks are a benchmark's problems, in; tasks with their truth's source out.

A file is JSONL (also gzipped) or Parquet with the columns `task_id`, `solutions` (whole programs), `tests`, `correct`
(one boolean a solution) and, where known, `test_valid` (one a test); it may have others. Nothing is executed here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from codedpo.benchmarks import BENCHMARKS, Problem
from codedpo.errors import ConfigError, RecordError
from codedpo.plugins import resolve
from codedpo.records import Execution, Samples
from codedpo.rows import Row, read_rows
from codedpo.store import read_records

Record = TypeVar("Record")


@dataclass(frozen=True)
class LabelledTask:
    """Samples of one task whose truth the file tells."""

    id: str
    solutions: tuple[str, ...]
    tests: tuple[str, ...]
    correct: tuple[bool, ...]
    """Of each solution."""
    test_valid: tuple[bool, ...]
    """Of each test whether a right solution passes it; empty where unknown."""


@dataclass(frozen=True, eq=False)
class RunTask:
    """Samples of one task whose truth a benchmark's own test tells."""

    problem: Problem
    samples: Samples
    outcomes: NDArray[np.uint8] | None
    """(n_solutions, n_tests) of the run's own execution; None where the run has none."""


def read_labelled(path: Path) -> list[LabelledTask]:
    """All tasks of a file.

    Raises:
        RecordError: names file, row and column of what is wrong.
    """
    tasks = [_labelled(row) for row in read_rows(path)]
    if not tasks:
        raise RecordError(f"{path}: holds no task")
    return tasks


def read_run(folder: Path, benchmark: str) -> list[RunTask]:
    """The tasks of a run that carry the id of one of the benchmark's problems.

    Raises:
        RecordError: the folder holds no finished samples, or none of its tasks is a problem of the benchmark.
    """
    problems = {problem.id: problem for problem in resolve(benchmark, BENCHMARKS, "--benchmark")().problems()}
    rows = _executed(folder) or [(samples, None) for samples in stage_rows(folder, "samples", Samples)]
    tasks = [
        RunTask(problems[samples.task.id], samples, outcomes)
        for samples, outcomes in rows
        if samples.task is not None and samples.task.id in problems
    ]
    if not tasks:
        raise RecordError(
            f"{folder}: none of its {len(rows)} tasks has the id of a problem of {benchmark}, such as {min(problems)}"
        )
    return tasks


def is_run(path: Path) -> bool:
    """Whether the path is a folder; raises ConfigError where nothing is there."""
    if not path.exists():
        raise ConfigError(f"{path}: there is no such file or run folder")
    return path.is_dir()


def _labelled(row: Row) -> LabelledTask:
    solutions = row.texts("solutions")
    tests = () if row.values.get("tests") == [] else row.texts("tests")  # no test at all is a task, and a hard one
    known = row.values.get("test_valid") is not None
    return LabelledTask(
        id=row.text("task_id"),
        solutions=solutions,
        tests=tests,
        correct=_flags(row, "correct", solutions),
        test_valid=_flags(row, "test_valid", tests) if known else (),
    )


def _flags(row: Row, column: str, of: Sequence[str]) -> tuple[bool, ...]:
    value: object = row.values.get(column)
    values = cast("list[object]", value) if isinstance(value, list) else []
    if not isinstance(value, list) or not all(isinstance(item, bool) for item in values):
        raise RecordError(f"{row.where}: column '{column}' must be a list of true and false, got {value!r:.60}")
    if len(values) != len(of):
        raise RecordError(f"{row.where}: column '{column}' has {len(values)} values for {len(of)} texts")
    return tuple(bool(item) for item in values)


def _executed(folder: Path) -> list[tuple[Samples, NDArray[np.uint8] | None]]:
    return [(row.samples, row.outcomes) for row in stage_rows(folder, "executions", Execution)]


def stage_rows(folder: Path, stage: str, record: type[Record]) -> list[Record]:
    """The rows of a stage of a run; none where the run did not come to it."""
    manifest = folder / "manifest.json"
    try:
        stages = json.loads(manifest.read_text(encoding="utf-8"))["stages"]
    except (OSError, ValueError, KeyError) as error:
        raise RecordError(f"{manifest}: cannot be read: {error}; name the folder of a finished run") from error
    return [row for name in stages.get(stage, {"shards": ()})["shards"] for row in read_records(folder / name, record)]
