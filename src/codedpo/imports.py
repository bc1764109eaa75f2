# pyright: basic
# (pyarrow ships no types)
"""The user's own tasks or samples in (JSONL or Parquet), records out, one by one: starts the pipeline in the middle.

Columns of tasks: `text`, `signature`; optional `id`, `example`, `concepts`. Columns of samples: those, and
`solutions` and `tests`, lists of whole programs and of single tests; optional `input_generators`. A Parquet file that
a run wrote is read too. See docs/bring-your-own.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codedpo.code.drafts import signature_name
from codedpo.code.normal import count_duplicates
from codedpo.errors import RecordError
from codedpo.records import Samples, Task
from codedpo.rows import Row, read_rows
from codedpo.store import decode_row, schema_of

_EVALUATED = {"canonical_solution", "reference_solution", "plus_input", "test_list", "question_content"}


def bring_tasks(path: Path) -> Iterator[Task]:
    """Tasks from a user's file.

    Raises:
        RecordError: names file, row and column of what is wrong.
    """
    return (_as_task(row) for row in read_rows(path)) if not _ours(path, Task) else _records(path, Task)


def bring_samples(path: Path) -> Iterator[Samples]:
    """Samples from a user's file; the same errors."""
    return (_as_samples(row) for row in read_rows(path)) if not _ours(path, Samples) else _records(path, Samples)


def _records(path: Path, record: type) -> Iterator[Any]:
    return (decode_row(record, row.values) for row in read_rows(path))


def _ours(path: Path, record: type) -> bool:
    """Whether a run of this version wrote the file."""
    try:
        return path.suffix == ".parquet" and pq.read_schema(path).equals(schema_of(record))
    except (OSError, pa.ArrowException) as error:
        raise RecordError(f"{path}: cannot be read as Parquet: {error}") from error


def _as_task(row: Row) -> Task:
    if "signature" not in row.values and _EVALUATED & row.values.keys():
        raise RecordError(
            f"{row.where}: looks like a benchmark's file, which is never trained on; for a training split set "
            "tasks.benchmark"
        )
    text, signature = row.text("text"), row.text("signature")
    name = signature_name(signature)
    if name is None:
        raise RecordError(f"{row.where}: column 'signature' is not like 'def f(x: int) -> int:': {signature!r}")
    return Task(
        id=row.text("id", default="") or hashlib.sha256(f"{signature}\n{text}".encode()).hexdigest()[:12],
        text=text,
        signature=signature,
        entry_point=name,
        example=row.text("example", default=""),
        concepts=row.texts("concepts", default=()),
        seed=None,
        generation=None,
    )


def _as_samples(row: Row) -> Samples:
    task, solutions, tests = _as_task(row), row.texts("solutions"), row.texts("tests")
    return Samples(
        task=task,
        solutions=solutions,
        tests=tests,
        duplicate_solutions=count_duplicates(solutions),
        duplicate_tests=count_duplicates(tests),
        solution_generation=None,
        test_generation=None,
        input_generators=row.texts("input_generators", default=()),
    )
