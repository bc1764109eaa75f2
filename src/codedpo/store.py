# pyright: basic
# (pyarrow ships no types)
"""Parquet files of records: one fixed Arrow schema per record class, written atomically."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import threading
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codedpo.errors import RecordError
from codedpo.places import Place, whole_file

T = typing.TypeVar("T")
R = typing.TypeVar("R")
_BATCH_ROWS, _BATCH_FILES, _READERS, _TAKEN_ROWS = 1024, 256, 16, 64
_PLAIN: dict[Any, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_ARRAY = pa.struct({"data": pa.large_binary(), "shape": pa.list_(pa.int32())})
_MEASURED = {b"measured": b"true"}


@functools.cache
def schema_of(record: type) -> pa.Schema:
    """The Arrow schema of a record class; measured columns carry the metadata `measured: true`."""
    return pa.schema(_fields(record))


def measured_columns(record: type) -> frozenset[str]:
    """Names of the fields of this class, nested ones included, whose values are measurements."""
    names: set[str] = set()
    for field, hint in _hints(record):
        if field.metadata.get("measured"):
            names.add(field.name)
        nested = _strip_optional(hint)
        if dataclasses.is_dataclass(nested):
            names |= measured_columns(typing.cast(type, nested))
    return frozenset(names)


class RecordWriter:
    """Context: rows, one by one and from any thread, into a Parquet file that appears whole or not at all.

    A batch of rows is held in memory, never more.
    """

    def __init__(self, target: Place, record: type, metadata: Mapping[str, str] | None = None):
        self._schema = schema_of(record)
        self._stack = contextlib.ExitStack()
        self._target = target
        self._metadata = dict(metadata or {})
        self._batch: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self.rows = 0
        """Rows so far."""

    def __enter__(self) -> RecordWriter:
        file = self._stack.enter_context(whole_file(self._target))
        schema = self._schema.with_metadata(self._metadata)
        self._parquet = self._stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:  # a batch that cannot be written leaves no draft behind
            self._flush()

    def add(self, row: Any) -> None:
        """Append one record."""
        with self._lock:
            self._batch.append(_encode(row))
            self.rows += 1
            if len(self._batch) >= _BATCH_ROWS:
                self._flush()

    def _flush(self) -> None:
        if self._batch:
            self._parquet.write_table(pa.Table.from_pylist(self._batch, schema=self._schema))
            self._batch.clear()


def write_records(target: Place, record: type, rows: Iterable[Any], metadata: Mapping[str, str] | None = None) -> int:
    """Write rows to a Parquet file that appears whole or not at all; returns their number."""
    with RecordWriter(target, record, metadata) as writer:
        for row in rows:
            writer.add(row)
    return writer.rows


def join_records(target: Place, record: type, sources: Sequence[Place], metadata: Mapping[str, str]) -> None:
    """Write the rows of many files of one record class into one, a batch of files in memory at a time."""
    schema = schema_of(record).with_metadata(dict(metadata))
    with (
        whole_file(target) as file,
        pq.ParquetWriter(file, schema, compression="zstd") as parquet,
        ThreadPoolExecutor(_READERS) as pool,
    ):
        for start in range(0, len(sources), _BATCH_FILES):
            batch = sources[start : start + _BATCH_FILES]
            tables = [table for table in pool.map(lambda path: _read_table(path, record), batch) if table.num_rows]
            if tables:
                parquet.write_table(pa.concat_tables(tables))


def read_records(source: Place, record: type[T]) -> list[T]:
    """Read all rows of a file written by `write_records`.

    Raises:
        RecordError: the file is missing, unreadable, or of another schema.
    """
    return [_decode(record, row) for row in _read_table(source, record).to_pylist()]


def read_column(source: Place, record: type, column: str) -> list[Any]:
    """All values of one column, a nested one by its dotted path (`samples.task.id`); reads no other."""
    first, *nested = column.split(".")
    values = _read_table(source, record, [column]).column(first)
    for _ in nested:
        values = values.flatten()[0]  # the one field that was read
    return values.to_pylist()


def select_records(source: Place, record: type[T], column: str, wanted: Callable[[Any], bool]) -> list[T]:
    """The rows with a wanted value in this column; where there is none, nothing else is read."""
    numbers = [number for number, value in enumerate(read_column(source, record, column)) if wanted(value)]
    if not numbers:
        return []
    table = _parquet(source, lambda file: _take(file, numbers))
    return [_decode(record, row) for row in table.to_pylist()]


def _take(file: pq.ParquetFile, numbers: Sequence[int]) -> pa.Table:
    """These rows, counted from 0 and in order, of a file that is read a batch at a time."""
    taken: list[pa.RecordBatch] = []
    start = 0
    for batch in file.iter_batches(_TAKEN_ROWS):
        taken += [batch.slice(number - start, 1) for number in numbers if start <= number < start + len(batch)]
        start += len(batch)
    return pa.Table.from_batches(taken).replace_schema_metadata(None)


def decode_row(record: type[T], row: Mapping[str, Any]) -> T:
    """A record from one row as Arrow gives it."""
    return _decode(record, row)


def count_values(sources: Iterable[Place], record: type, columns: Sequence[str]) -> Counter[tuple[str, ...]]:
    """How often each combination of values of these columns occurs in some files."""
    counts: Counter[tuple[str, ...]] = Counter()
    for source in sources:
        table = _read_table(source, record, columns)
        counts.update(zip(*(table.column(name).to_pylist() for name in columns), strict=True))
    return counts


def count_rows(source: Place) -> int:
    """Number of rows, from the file's footer."""
    return _parquet(source, lambda file: file.metadata.num_rows)


def read_metadata(source: Place) -> dict[str, str]:
    """What `write_records` was given as metadata."""
    found = _parquet(source, lambda file: file.schema_arrow.metadata) or {}
    return {key.decode(): value.decode() for key, value in found.items()}


def _read_table(source: Place, record: type, columns: Sequence[str] | None = None) -> pa.Table:
    def read(file: pq.ParquetFile) -> pa.Table:
        if not file.schema_arrow.equals(schema_of(record)):
            raise RecordError(
                f"{source}: its columns are not those of {record.__name__} in this version; use another run folder"
            )
        return file.read(columns).replace_schema_metadata(None)

    return _parquet(source, read)


def _parquet(source: Place, use: Callable[[pq.ParquetFile], R]) -> R:
    """What `use` makes of an open Parquet file; the one place where reading fails with a RecordError."""
    try:
        with source.open("rb") as opened, pq.ParquetFile(opened) as file:
            return use(file)
    except (OSError, pa.ArrowException) as error:
        raise RecordError(f"{source}: cannot be read as Parquet: {error}; delete it and run again") from error


def write_bytes(target: Place, data: bytes) -> None:
    """Write a file that appears whole or not at all."""
    with whole_file(target) as file:
        file.write(data)


def write_text(target: Place, text: str) -> None:
    """Write a text file that appears whole or not at all."""
    with whole_file(target) as file:
        file.write(text.encode("utf-8"))


@functools.cache
def compress(data: bytes) -> bytes:
    """Zstandard of the data."""
    return pa.compress(data, codec="zstd", asbytes=True)


def decompress(data: bytes, size: int) -> bytes:
    """What `compress` was given.

    Args:
        size: its bytes.

    Raises:
        OSError: the data are something else.
    """
    return pa.decompress(data, decompressed_size=size, codec="zstd", asbytes=True)


def _hints(record: type) -> Sequence[tuple[dataclasses.Field[Any], Any]]:
    hints = get_type_hints(record)
    return [(field, hints[field.name]) for field in dataclasses.fields(record)]


def _fields(record: type) -> list[pa.Field]:
    return [
        pa.field(
            field.name,
            _ARRAY if "dtype" in field.metadata else _type_of(hint),
            metadata=_MEASURED if field.metadata.get("measured") else None,
        )
        for field, hint in _hints(record)
    ]


def _strip_optional(hint: Any) -> Any:
    if get_origin(hint) in (typing.Union, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def _type_of(hint: Any) -> pa.DataType:
    hint = _strip_optional(hint)
    origin = get_origin(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is typing.Literal:
        return pa.string()
    if origin in (tuple, list):
        return pa.list_(_type_of(get_args(hint)[0]))
    if typing.is_typeddict(hint):
        return pa.struct([pa.field(name, _type_of(part)) for name, part in get_type_hints(hint).items()])
    if dataclasses.is_dataclass(hint):
        return pa.struct(_fields(typing.cast(type, hint)))
    raise RecordError(f"a record field of type {hint!r} has no Arrow type; add one in store.py")


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return {"data": np.ascontiguousarray(value).tobytes(), "shape": list(value.shape)}
    if isinstance(value, tuple | list):
        return [_encode(item) for item in typing.cast(Sequence[Any], value)]
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()  # a lone surrogate has no place in Parquet
    return value


def _decode(hint: Any, value: Any) -> Any:
    hint = _strip_optional(hint)
    if value is None:
        return None
    if get_origin(hint) is tuple:
        return tuple(_decode(get_args(hint)[0], item) for item in value)
    if dataclasses.is_dataclass(hint):
        record = typing.cast(type, hint)
        return record(**{field.name: _decode_field(field, inner, value[field.name]) for field, inner in _hints(record)})
    return value


def _decode_field(field: dataclasses.Field[Any], hint: Any, value: Any) -> Any:
    if "dtype" in field.metadata:
        return np.frombuffer(value["data"], dtype=field.metadata["dtype"]).reshape(value["shape"])
    return _decode(hint, value)
