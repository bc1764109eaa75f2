"""Package names with versions in, the Python files of their archives out; they are read, never unpacked or built."""

from __future__ import annotations

import email
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path, PurePosixPath
from typing import Literal

from codedpo.checks import require_at_least
from codedpo.errors import RecordError
from codedpo.packages import fetch_source_archive, fetch_wheel
from codedpo.sources.files import SourceFile, source_file
from codedpo.sources.licences import LICENCE_FILES, declared_licence, licence_of_texts


@dataclass(frozen=True)
class Packages:
    """Packages of the registry."""

    kind: Literal["packages"] = "packages"
    names: tuple[str, ...] = ()
    """Requirements such as `toolz==1.2.0`."""
    archive: Literal["any", "wheel", "source"] = "any"
    """`any`: the wheel, and the source archive of a package that has none."""
    limit: int | None = None
    """At most this many seeds from here."""

    def __post_init__(self) -> None:
        if self.limit is not None:
            require_at_least(self, "seeds.sources", limit=1)

    def files(self, cache: Path) -> Iterator[SourceFile]:
        """The Python files of all packages.

        Raises:
            RecordError: one cannot be fetched or read.
        """
        for name in self.names:
            yield from archive_files(self._fetch(name, cache))

    def _fetch(self, name: str, cache: Path) -> Path:
        if self.archive == "wheel":
            return fetch_wheel(name, cache)
        if self.archive == "source":
            return fetch_source_archive(name, cache)
        try:
            return fetch_wheel(name, cache)
        except RecordError as no_wheel:
            try:
                return fetch_source_archive(name, cache)
            except RecordError as error:
                raise RecordError(f"{no_wheel}; {error}") from error


@dataclass(frozen=True)
class _Member:
    """One file of an archive."""

    path: str
    content: bytes


def archive_files(archive: Path) -> Iterator[SourceFile]:
    """The Python files of a wheel or source archive.

    Raises:
        RecordError: it cannot be read, or holds no metadata.
    """
    try:
        metadata = _metadata(archive)
        texts = (member.content.decode("utf-8", "replace") for member in _members(archive, _is_licence))
        licence = declared_licence(metadata) or licence_of_texts(texts)
        name, version = str(metadata["Name"]), str(metadata["Version"])
        for member in _members(archive, lambda path: path.endswith(".py")):
            yield source_file(member.content, source=name, version=version, path=member.path, licence=licence)
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise RecordError(f"{archive}: cannot be read as an archive: {error}; delete it and run again") from error


def _members(archive: Path, wanted: Callable[[str], bool]) -> Iterator[_Member]:
    """The wanted files; paths of a source archive are those below its top folder."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as file:
            for name in sorted(file.namelist()):
                path = name if archive.suffix == ".whl" else _below_top(name)
                if wanted(path):
                    yield _Member(path, file.read(name))
        return
    with tarfile.open(archive) as file:
        for info in file:
            path = _below_top(info.name)
            content = file.extractfile(info) if info.isfile() and wanted(path) else None
            if content is not None:
                yield _Member(path, content.read())


def _below_top(name: str) -> str:
    return name.removeprefix("./").partition("/")[2]


def _is_metadata(path: str) -> bool:
    return path == "PKG-INFO" or path.endswith(".dist-info/METADATA")


def _is_licence(path: str) -> bool:
    """Whether this is a licence file of the package itself, not one of something that it carries along."""
    parts = PurePosixPath(path).parts
    return bool(parts) and parts[-1] in LICENCE_FILES and (len(parts) == 1 or ".dist-info" in parts[0])


def _metadata(archive: Path) -> Message:
    for member in _members(archive, _is_metadata):
        return email.message_from_bytes(member.content)
    raise RecordError(f"{archive}: holds no PKG-INFO or METADATA, so that its version and licence are not known")
