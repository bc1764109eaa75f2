"""Text from models and files in, text that a terminal only shows out: no escape codes, no hidden letters."""

from __future__ import annotations

import unicodedata

_KEPT = "\n\t"
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories: control, format (also those that reverse the direction), surrogates, line separators."""


def visible(text: str) -> str:
    r"""The text with every control and invisible character written out, such as `\x1b`; lines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written(character) for character in text)


def one_line(text: str) -> str:
    """The same on a single line: line ends and tabs are written out too."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def _written(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape").decode("ascii")
