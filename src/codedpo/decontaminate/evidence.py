"""A program and a text in, the hashes by which a benchmark problem is recognised in them out: one set per kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from codedpo.code.grams import (
    Hashes,
    Lexed,
    hash_text,
    hash_words,
    lex,
    lex_words,
    mixed,
    renamed_window_sums,
    window_sums,
)

GRAM = 13
"""Tokens or words in a row, as the field counts (arXiv 2005.14165, appendix C)."""
SHORT_GRAM = 8
"""For prompts and programs so short that they hold few 13-grams."""


@dataclass(frozen=True)
class Kind:
    """One kind of evidence."""

    how: str
    """What a match says."""
    coverage: float
    """Share of a problem's hashes that must be found."""
    min_hashes: int
    """A problem that has fewer, whitelist applied, gives no evidence of this kind: it is too generic."""


KINDS = (
    Kind("13-grams", coverage=0.5, min_hashes=4),
    Kind("13-grams, renamed", coverage=0.8, min_hashes=4),
    Kind("prompt 13-grams", coverage=0.1, min_hashes=1),
    Kind("prompt", coverage=0.8, min_hashes=1),
    Kind("entry point", coverage=0.5, min_hashes=5),
    Kind("substring", coverage=1.0, min_hashes=3),
)
PROGRAM, RENAMED, TEXT, SHORT_TEXT, ENTRY_POINT, SHORT_PROGRAM = range(len(KINDS))
WHOLE = "substring"
"""What a match says where all of a solution's hashes are there."""

_MAX_KEY_WORDS = 60
"""Of a docstring and of a text; in a manual of thousands of words every prompt's words occur."""
_STOPS = (
    "a an and are as at be by each for from function given has have if in into is it its of on or python return returns"
    " should such than that the their them then there this to which will with write you your all any no not when where"
    " true false none value values list string integer number numbers int str bool example input output"
)
_STOP_WORDS = frozenset(_STOPS.split())


def program_hashes(lexed: Lexed) -> list[tuple[int, Hashes]]:
    """(kind, hashes) of a program's tokens."""
    long, short = window_sums(lexed.tokens, (GRAM, SHORT_GRAM))
    renamed = renamed_window_sums(lexed, GRAM)
    return [(PROGRAM, mixed(long)), (RENAMED, mixed(renamed)), (SHORT_PROGRAM, mixed(short))]


def text_hashes(words: Hashes) -> list[tuple[int, Hashes]]:
    """(kind, hashes) of a text's words."""
    long, short = window_sums(words, (GRAM, SHORT_GRAM))
    return [(TEXT, mixed(long)), (SHORT_TEXT, mixed(short))]


def prose(lexed: Lexed) -> str:
    """The docstrings and comments of a program as one text."""
    return " ".join(lexed.prose)


@lru_cache(maxsize=1 << 14)
def name_hash(name: str) -> int:
    """The hash of a function's name, underscores and case aside."""
    return hash_text(f"name {_plain(name)}")


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def entry_point_hashes(name: str, words: Iterable[str]) -> Hashes:
    """One hash for each content word together with the function's name."""
    content = dict.fromkeys(word for word in words if word not in _STOP_WORDS and len(word) > 1)
    return np.array([hash_text(f"{_plain(name)} {word}") for word in content], np.uint64)


def query_hashes(code: str, text: str, entry_point: str, known_names: frozenset[int]) -> Hashes:
    """All hashes of a program and a text that an index can hold."""
    lexed = lex(code)
    beside = lex_words(prose(lexed)) if lexed.prose else []
    asked = lex_words(text) if text else []
    # Tokens and words in one row cost one pass; a window across their border is in no index.
    row = np.concatenate([lexed.tokens, hash_words([*beside, "|", *asked])])
    long, short = window_sums(row, (GRAM, SHORT_GRAM))
    windows = mixed(np.concatenate([long, short, renamed_window_sums(lexed, GRAM)]))
    known = sorted(name for name in {entry_point, *lexed.functions} if name_hash(name) in known_names)
    if not known:
        return windows
    first = [*beside[:_MAX_KEY_WORDS], *asked[:_MAX_KEY_WORDS]]
    return np.concatenate([windows, *(entry_point_hashes(name, first) for name in known)])
