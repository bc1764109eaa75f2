"""JSONL or Parquet files with a column of code in, one SourceFile per row out, read as a stream."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codedpo.checks import require_at_least
from codedpo.errors import RecordError
from codedpo.rows import read_rows
from codedpo.sources.columns import Columns, row_file
from codedpo.sources.files import SourceFile


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
            for row in read_rows(path, self.columns.named()):
                yield row_file(row.values, self.columns, source=path.stem, licence=self.licence, where=row.where)

    def _paths(self) -> Iterator[Path]:
        for pattern in self.paths:
            paths = [pattern] if os.path.isfile(pattern) else sorted(glob.glob(pattern, recursive=True))
            if not paths:
                raise RecordError(f"seeds.sources: no file is called '{pattern}'")
            yield from map(Path, paths)
