# pyright: basic
# (pyarrow ships no types)
"""A JSONL (also gzipped) or Parquet file in, its rows out one by one; errors name the file and the row."""

from __future__ import annotations

import contextlib
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codedpo.errors import RecordError

_BATCH_ROWS = 256


@dataclass(frozen=True)
class Row:
    """One row with its place, which error texts name."""

    values: dict[str, Any]
    where: str

    def text(self, column: str, *, default: str | None = None, as_it_is: bool = False) -> str:
        """The column's text.

        Args:
            as_it_is: with blanks at its ends, or empty.

        Raises:
            RecordError: it is missing or empty and has no default, or is no text; names file, row and column.
        """
        value = self._value(column, default)
        if not isinstance(value, str) or (default is None and not as_it_is and not value.strip()):
            raise RecordError(f"{self.where}: column '{column}' must be text, got {_short(value)}")
        return value if as_it_is else value.strip()

    def texts(self, column: str, *, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """The column's list of texts; the same errors."""
        value = self._value(column, default)
        if not isinstance(value, list | tuple) or (default is None and not value):
            raise RecordError(f"{self.where}: column '{column}' must be a list of texts, got {_short(value)}")
        for number, item in enumerate(value):
            if not isinstance(item, str):
                raise RecordError(f"{self.where}: column '{column}', item {number} must be text, got {_short(item)}")
        return tuple(value)

    def _value(self, column: str, default: Any) -> Any:
        value = self.values.get(column)
        if value is None and default is not None:
            return default
        if column not in self.values:
            raise RecordError(f"{self.where}: column '{column}' is missing; there are: {', '.join(self.values)}")
        return value


def read_rows(path: Path, columns: Sequence[str] = ()) -> Iterator[Row]:
    """All rows; a batch of them is in memory at a time.

    Args:
        columns: those of a Parquet file that are read, as far as they are there; all where none is named.

    Raises:
        RecordError: the file cannot be read, or a row is not an object; names file and row.
    """
    rows = _parquet_rows(path, columns) if path.suffix == ".parquet" else _json_rows(path)
    for number, values in enumerate(rows, start=1):
        if values is not None:
            yield Row(values, f"{path}, row {number}")


def _parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    try:
        with pq.ParquetFile(path) as file:
            there = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(_BATCH_ROWS, columns=there or None):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: cannot be read as Parquet: {error}") from error


def _json_rows(path: Path) -> Iterator[dict[str, Any] | None]:
    """One object a line; None for an empty line."""
    number = 0
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))
            for number, line in enumerate(file, start=1):
                yield _json_object(line, f"{path}, row {number}") if line.strip() else None
        except (OSError, EOFError, zlib.error) as error:
            place = f"{path}, after row {number}" if number else str(path)
            what = "cannot be read as UTF-8 text" if isinstance(error, zlib.error) else "cannot be read"
            raise RecordError(f"{place}: {what}: {getattr(error, 'strerror', None) or error}") from error


def _json_object(line: bytes, where: str) -> dict[str, Any]:
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RecordError(f"{where}: cannot be read as UTF-8 text: {error}") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{where}: not JSON: {error}") from error
    if not isinstance(values, dict):
        raise RecordError(f"{where}: must be a JSON object, got {_short(values)}")
    return values


def _short(value: Any) -> str:
    return repr(value)[:60]
