# pyright: basic
# (datasets is only partly typed)
"""A Hugging Face data set in, streamed, one SourceFile per row out; its form is that of bigcode/the-stack-dedup."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from codedpo.checks import require_at_least
from codedpo.errors import RecordError
from codedpo.sources.columns import Columns, row_file
from codedpo.sources.files import SourceFile

_STACK = Columns(
    code="content",
    repo="max_stars_repo_name",
    version="max_stars_repo_head_hexsha",
    path="max_stars_repo_path",
    licence="max_stars_repo_licenses",
)


@dataclass(frozen=True)
class Hub:
    """A data set of the hub, or a local folder of that form; a row is a Python file."""

    dataset: str
    """Such as `bigcode/the-stack-dedup`."""
    kind: Literal["hub"] = "hub"
    name: str = ""
    """Configuration of the data set, where it has several."""
    data_dir: str = ""
    """Folder within the data set, such as `data/python`."""
    split: str = "train"
    revision: str = ""
    """Commit, branch or tag; empty means the newest, which another day may be another one."""
    columns: Columns = _STACK
    licence: str = ""
    """SPDX identifier of the rows that have none."""
    rows: int | None = None
    """Read the first so many rows only: a data set may have no end that is worth waiting for."""
    limit: int | None = None
    """At most this many seeds from here."""

    def __post_init__(self) -> None:
        for key in ("rows", "limit"):
            if getattr(self, key) is not None:
                require_at_least(self, "seeds.sources", **{key: 1})

    def files(self, cache: Path) -> Iterator[SourceFile]:
        """The files in the rows, in the data set's order.

        Raises:
            RecordError: `datasets` is not installed, the data set cannot be read, or a row lacks a column.
        """
        for number, row in enumerate(itertools.islice(self._rows(), self.rows), start=1):
            where = f"{self.dataset}, row {number}"
            yield row_file(row, self.columns, source=self.dataset, licence=self.licence, where=where)

    def _rows(self) -> Iterator[dict[str, Any]]:
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        try:
            import datasets
        except ImportError as error:
            raise RecordError(
                "seeds.sources: a data set of the hub needs the package datasets: pip install 'codedpo[train]'"
            ) from error
        try:
            yield from datasets.load_dataset(
                self.dataset,
                self.name or None,
                data_dir=self.data_dir or None,
                split=self.split,
                revision=self.revision or None,
                streaming=True,
            )
        except Exception as error:  # whatever datasets, fsspec or the hub raise: it is this source that failed
            raise RecordError(f"seeds.sources: '{self.dataset}' cannot be read: {error}") from error
