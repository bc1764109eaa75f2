# pyright: basic
# (pyarrow ships no types)
"""Parquet files of records: one fixed Arrow schema per record class, written atomically."""

from __future__ import annotations

import dataclasses
import functools
import os
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codedpo.errors import RecordError

T = typing.TypeVar("T")
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


def write_records(path: Path, record: type, rows: Iterable[Any], metadata: Mapping[str, str] | None = None) -> int:
    """Write rows to a Parquet file that appears whole or not at all; returns their number."""
    dicts = [_encode(row) for row in rows]
    schema = schema_of(record).with_metadata(dict(metadata or {}))
    table = pa.Table.from_pylist(dicts, schema=schema)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    return len(dicts)


def read_records(path: Path, record: type[T]) -> list[T]:
    """Read all rows of a file written by `write_records`.

    Raises:
        RecordError: the file is missing, unreadable, or of another schema.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise RecordError(f"{path}: cannot be read as Parquet: {error}; delete it and run again") from error
    if not table.schema.equals(schema_of(record)):
        raise RecordError(
            f"{path}: its columns are not those of {record.__name__} in this version; use another run folder"
        )
    return [_decode(record, row) for row in table.to_pylist()]


def decode_row(record: type[T], row: Mapping[str, Any]) -> T:
    """A record from one row as Arrow gives it."""
    return _decode(record, row)


def count_rows(path: Path) -> int:
    """Number of rows, from the file's footer."""
    try:
        return pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException) as error:
        raise RecordError(f"{path}: cannot be read as Parquet: {error}; delete it and run again") from error


class atomic_path:
    """Context: a temporary file beside `path` that replaces it on success and vanishes on failure."""

    def __init__(self, path: Path):
        self.path = path
        self.temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.temporary

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                with self.temporary.open("rb+") as file:
                    os.fsync(file.fileno())
                os.replace(self.temporary, self.path)
        finally:
            self.temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file that appears whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@functools.cache
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
