# pyright: basic
# (pyarrow ships no types)
"""The user's own tasks or samples in (JSONL or Parquet), records out: starts the pipeline in the middle.

Columns of tasks: `text`, `signature`; optional `id`, `example`, `concepts`. Columns of samples: those, and
`solutions` and `tests`, lists of whole programs and of single tests. A Parquet file that a run wrote is read too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codedpo.code.drafts import signature_name
from codedpo.code.normal import count_duplicates
from codedpo.errors import RecordError
from codedpo.records import Samples, Task
from codedpo.store import read_records, schema_of


def import_rows(path: Path, record: type) -> Iterator[Any]:
    """Records of class Task or Samples from a user's file.

    Raises:
        RecordError: names file, line and column of what is wrong.
    """
    try:
        ours = path.suffix == ".parquet" and pq.read_schema(path).equals(schema_of(record))
    except (OSError, pa.ArrowException) as error:
        raise RecordError(f"{path}: cannot be read as Parquet: {error}") from error
    if ours:
        yield from read_records(path, record)
        return
    for number, row in _read(path):
        where = f"{path}, row {number}"
        task = _task(row, where)
        yield task if record is Task else _samples(row, task, where)


def _read(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix == ".parquet":
        yield from enumerate(pq.read_table(path).to_pylist(), start=1)
        return
    for number, line in enumerate(_text_of(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise RecordError(f"{path}, row {number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise RecordError(f"{path}, row {number}: must be a JSON object")
        yield number, row


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: is not UTF-8 text: {error}") from error


def _task(row: dict[str, Any], where: str) -> Task:
    text, signature = _text(row, "text", where), _text(row, "signature", where)
    name = signature_name(signature)
    if name is None:
        raise RecordError(f"{where}: column 'signature' is not like 'def f(x: int) -> int:': {signature!r}")
    return Task(
        id=str(row.get("id") or hashlib.sha256(f"{signature}\n{text}".encode()).hexdigest()[:12]),
        text=text,
        signature=signature,
        entry_point=name,
        example=str(row.get("example") or ""),
        concepts=tuple(row.get("concepts") or ()),
        seed=None,
        generation=None,
    )


def _samples(row: dict[str, Any], task: Task, where: str) -> Samples:
    solutions, tests = _texts(row, "solutions", where), _texts(row, "tests", where)
    return Samples(task, solutions, tests, count_duplicates(solutions), count_duplicates(tests), None, None)


def _text(row: dict[str, Any], column: str, where: str) -> str:
    value = row.get(column)
    if not isinstance(value, str) or not value.strip():
        raise RecordError(f"{where}: column '{column}' must be text, got {value!r}")
    return value.strip()


def _texts(row: dict[str, Any], column: str, where: str) -> tuple[str, ...]:
    value = row.get(column)
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise RecordError(f"{where}: column '{column}' must be a list of texts, got {str(value)[:60]!r}")
    return tuple(value)
