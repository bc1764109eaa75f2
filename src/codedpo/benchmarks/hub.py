"""A local copy of a data set's file in, its rows as they are read out: JSONL or a JSON list, gzipped or not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from codedpo.errors import RecordError

Read = TypeVar("Read")


def rows_of(name: str, path: str, read: Callable[[dict[str, Any]], Read]) -> list[Read]:
    """What `read` makes of each row, in the file's order.

    Args:
        name: of the benchmark, for errors.

    Raises:
        RecordError: there is no such file, or a row lacks what `read` asks for.
    """
    if not Path(path).is_file():
        raise RecordError(f"{name}: '{path}' is no file: name a local copy of the data in benchmarks.{name}.path")
    try:
        data = Path(path).read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
        lines = [line for line in text.split("\n") if line.strip()]
        rows = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in lines]
        return [read(row) for row in rows]
    except (ValueError, TypeError, KeyError, IndexError, OSError) as error:
        raise RecordError(f"{path}: not {name}'s published format: {error!r}") from error
