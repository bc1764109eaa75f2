"""A row of a table or data set in, the SourceFile that it holds out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from codedpo.errors import RecordError
from codedpo.sources.files import SourceFile, source_file


@dataclass(frozen=True)
class Columns:
    """Names of the columns; an empty one means that there is no such column."""

    code: str = "content"
    """Text of a whole Python file."""
    repo: str = ""
    """Repository that the file comes from."""
    version: str = ""
    """Version or commit of the repository."""
    path: str = ""
    """Path in the repository."""
    licence: str = ""
    """SPDX identifier or a list of them, which all apply."""

    def named(self) -> list[str]:
        """Those that there are."""
        return [name for name in (self.code, self.repo, self.version, self.path, self.licence) if name]


def row_file(row: Mapping[str, Any], columns: Columns, *, source: str, licence: str, where: str) -> SourceFile:
    """The file in a row.

    Args:
        source: name of the source, for rows without a repository.
        licence: of rows without one.
        where: place of the row, for errors.

    Raises:
        RecordError: the row lacks a column, or its code is no text.
    """
    missing = [name for name in columns.named() if name not in row]
    if missing:
        raise RecordError(
            f"{where}: there is no column '{missing[0]}'; it holds {', '.join(sorted(row)) or 'none'}; "
            "name the right one under `columns` of this source"
        )
    code = row[columns.code]
    if not isinstance(code, str):
        raise RecordError(f"{where}: column '{columns.code}' must be text, got {code!r}"[:300])
    return source_file(
        code,
        source=_text(row, columns.repo) or source,
        version=_text(row, columns.version),
        path=_text(row, columns.path),
        licence=_text(row, columns.licence) or licence,
    )


def _text(row: Mapping[str, Any], column: str) -> str:
    """The value as text; a list's entries joined with AND."""
    value = row.get(column) if column else None
    if isinstance(value, list | tuple):
        return " AND ".join(sorted({str(item) for item in cast(list[Any], value) if item}))
    return str(value or "").strip()
