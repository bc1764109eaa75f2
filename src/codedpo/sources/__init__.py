"""Where source code comes from: packages, folders and git checkouts, tables, data sets of the hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import Field

from codedpo.sources.files import SourceFile
from codedpo.sources.folder import Folder
from codedpo.sources.hub import Hub
from codedpo.sources.packages import Packages
from codedpo.sources.table import Table


class Source(Protocol):
    """A place that Python files come from; its fields are its entry under `seeds.sources`."""

    @property
    def kind(self) -> str: ...
    @property
    def limit(self) -> int | None:
        """At most this many seeds are drawn from here; None means all."""
        ...

    def files(self, cache: Path) -> Iterator[SourceFile]:
        """All Python files, as a stream; `cache` is a folder for downloads."""
        ...


AnySource = Annotated[Packages | Folder | Table | Hub, Field(discriminator="kind")]
"""The kinds that a configuration can name."""

__all__ = ["AnySource", "Folder", "Hub", "Packages", "Source", "SourceFile", "Table"]
