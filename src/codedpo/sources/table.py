# pyright: basic
# (pyarrow ships no types)
"""JSONL or Parquet files with a column of code in, one SourceFile per row out, read as a stream."""

from __future__ import annotations

import glob
import gzip
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from codedpo.checks import require_at_least
from codedpo.errors import RecordError
from codedpo.sources.columns import Columns, row_file
from codedpo.sources.files import SourceFile

_BATCH_ROWS = 256


@dataclass(frozen=True)
class Table:
    """JSONL files (also `.gz`) or Parquet files; a row is a Python file."""

    paths: tuple[str, ...]
    """Files, or patterns such as `data/*.parquet`."""
    kind: Literal["table"] = "table"
    columns: Columns = Columns()
    licence: str = ""
    """SPDX identifier of the rows that have none."""
    limit: int | None = None
    """At most this many seeds from here."""

    def __post_init__(self) -> None:
        if self.limit is not None:
            require_at_least(self, "seeds.sources", limit=1)

    def files(self, cache: Path) -> Iterator[SourceFile]:
        """The files in all rows.

        Raises:
            RecordError: a file is missing or unreadable, or a row lacks a column.
        """
        for path in self._paths():
            rows = _parquet_rows(path, self.columns.named()) if path.suffix == ".parquet" else _json_rows(path)
            for number, row in rows:
                where = f"{path}, row {number}"
                yield row_file(row, self.columns, source=path.stem, licence=self.licence, where=where)

    def _paths(self) -> Iterator[Path]:
        for pattern in self.paths:
            paths = [pattern] if os.path.isfile(pattern) else sorted(glob.glob(pattern, recursive=True))
            if not paths:
                raise RecordError(f"seeds.sources: no file is called '{pattern}'")
            yield from map(Path, paths)


def _parquet_rows(path: Path, columns: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            there = [name for name in columns if name in file.schema_arrow.names]
            number = 0
            for batch in file.iter_batches(_BATCH_ROWS, columns=there or None):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: cannot be read as Parquet: {error}") from error


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _json_object(line, f"{path}, row {number}")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: cannot be read as UTF-8 text: {error}") from error


def _json_object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{where}: not JSON: {error}") from error
    if not isinstance(row, dict):
        raise RecordError(f"{where}: must be a JSON object")
    return row
