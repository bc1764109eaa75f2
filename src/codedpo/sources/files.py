"""A file's bytes or text in, a SourceFile out: what every source gives, one Python file after another."""

from __future__ import annotations

import io
import tokenize
from dataclasses import dataclass

from codedpo.code.functions import plain_lines
from codedpo.sources.licences import licence_in_header


@dataclass(frozen=True)
class SourceFile:
    """One Python file of a source."""

    text: str
    """With `\\n` as its only line end."""
    source: str
    """Name of the package, folder or repository."""
    version: str
    """Version or commit; empty where there is none."""
    path: str
    """Within the source; empty where it is not known."""
    licence: str
    """SPDX identifier or expression, empty where none was found."""


def source_file(content: bytes | str, *, source: str, version: str, path: str, licence: str) -> SourceFile:
    """The file as text; an `SPDX-License-Identifier` line in its header goes before `licence`."""
    text = plain_lines(content if isinstance(content, str) else _decoded(content))
    named = map(unicode_text, (source, version, path, licence_in_header(text) or licence))
    return SourceFile(text, *named)


def unicode_text(text: str) -> str:
    """The text without halves of surrogate pairs (of file names that are no UTF-8, for one): no file can hold them."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _decoded(content: bytes) -> str:
    """The text in the encoding that its first lines declare, or else UTF-8."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except (SyntaxError, ValueError, LookupError):
        return content.decode("utf-8", "replace")
