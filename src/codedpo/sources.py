"""A package or a folder in, its Python files out, each with version and licence."""

from __future__ import annotations

import email
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from codedpo.errors import RecordError
from codedpo.packages import fetch_wheel

_SPDX = re.compile(r"[A-Za-z0-9.+-]+")
_LICENCE_TEXTS = (
    ("Apache-2.0", ("Apache License", "Version 2.0")),
    ("MIT", ("Permission is hereby granted, free of charge", "The above copyright notice and this permission notice")),
    ("BSD-3-Clause", ("Redistribution and use in source and binary forms", "endorse or promote products")),
    ("BSD-2-Clause", ("Redistribution and use in source and binary forms", "IN NO EVENT SHALL")),
    ("ISC", ("Permission to use, copy, modify, and/or distribute this software for any purpose",)),
)
_LICENCE_NAMES = ("LICENSE", "LICENCE", "COPYING", "LICENSE.txt", "LICENSE.md", "LICENSE.rst")


@dataclass(frozen=True)
class SourceFile:
    """One Python file of a source."""

    text: str
    source: str
    version: str
    path: str
    licence: str
    """SPDX identifier, empty where none was found."""


def package_files(requirement: str, cache: Path) -> Iterator[SourceFile]:
    """The Python files of a package's wheel, tests left out."""
    wheel = fetch_wheel(requirement, cache)
    with zipfile.ZipFile(wheel) as archive:
        names = sorted(archive.namelist())
        metadata_name = next(name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(metadata_name))
        texts = (archive.read(name).decode("utf-8", "replace") for name in names if _is_licence(name))
        licence = _declared_licence(metadata) or _first_licence(texts)
        for name in names:
            if name.endswith(".py") and not _is_test(name):
                text = archive.read(name).decode("utf-8", "replace")
                yield SourceFile(text, metadata["Name"], metadata["Version"], name, licence)


def folder_files(folder: str) -> Iterator[SourceFile]:
    """The Python files below a folder; its licence is read from a LICENSE file at its top.

    Raises:
        RecordError: no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise RecordError(f"seeds.folders: '{folder}' is not a folder")
    texts = (path.read_text(errors="replace") for path in sorted(root.iterdir()) if path.name in _LICENCE_NAMES)
    licence = _first_licence(texts)
    for path in sorted(root.rglob("*.py")):
        name = str(path.relative_to(root))
        if path.is_file() and not _is_test(name):
            yield SourceFile(path.read_text(errors="replace"), root.resolve().name, "", name, licence)


def _declared_licence(metadata: Message) -> str:
    for header in ("License-Expression", "License"):
        value = str(metadata.get(header) or "").strip()
        if value and header == "License-Expression":
            return value  # also a compound one, which no single name on the allow-list equals
        if value and _SPDX.fullmatch(value) and value.upper() not in ("BSD", "APACHE", "GPL", "UNKNOWN"):
            return value
    return ""


def _first_licence(texts: Iterable[str]) -> str:
    """The licence that the files name; several are joined, since all of them may apply."""
    return " AND ".join(sorted({licence for licence in map(_licence_of_text, texts) if licence}))


def _licence_of_text(text: str) -> str:
    flat = " ".join(text.split())
    return next((name for name, marks in _LICENCE_TEXTS if all(mark in flat for mark in marks)), "")


def _is_licence(name: str) -> bool:
    return ".dist-info/" in name and name.rsplit("/", 1)[-1] in _LICENCE_NAMES


def _is_test(name: str) -> bool:
    parts = Path(name).parts
    return any(part in ("test", "tests", "testing") for part in parts) or parts[-1].startswith(("test_", "conftest"))
