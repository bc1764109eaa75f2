"""Programs and texts in, hashes of their token n-grams out: what near-duplicates and contamination are found by.

Tokens come from one regular expression, about 20 times faster than `tokenize` and a syntax tree, and for text that
does not parse too. Layout, comments, statements that are one string (docstrings), round brackets, semicolons and the
kind of quotes do not count. Equal input gives equal hashes on every machine and Python version: the shipped index
relies on it.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# Every repetition is possessive: nothing is tried twice, which halves the time.
_STRING = (
    r'(?:"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+"""'
    r"|'''[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*+'''"
    r'|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
    r"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+')"
)
_TOKEN = re.compile(
    # What does not count is skipped here: cheaper than trying every alternative at a space.
    r"[ ();\\\t]*+(?:\n[ \t]*+(?![rRuU]?[\"'])[ ();\\\t]*+)*+("
    r"\.?[a-zA-Z_]\w*+(?![\"'])|[:,=\]\[](?!=)"
    rf"|\n[ \t]*+[rRuU]?{_STRING}[ \t]*+(?=[\n#]|\Z)"
    r"|\.?[^\W\d]\w*+(?![\"'])|\.?\d[\w.]*+|#[^\n]*+"
    rf"|[rRbBuUfF]{{0,2}}{_STRING}|[^\W\d]\w*+"
    r"|\*\*=?|//=?|<<=?|>>=?|->|[-+*/%&|^@=<>!:]=|[^\s();\\])",
    re.DOTALL,
)
_WORD = re.compile(r"[^\W_]+")
_BUILTINS = (
    "abs all any bin bool bytearray bytes callable chr complex dict dir divmod enumerate filter float format frozenset"
    " getattr hasattr hash hex id input int isinstance issubclass iter len list map max min next object oct open ord"
    " pow print range repr reversed round set setattr slice sorted str sum super tuple type zip ArithmeticError"
    " AssertionError AttributeError Exception IndexError KeyError NotImplementedError OverflowError RuntimeError"
    " StopIteration TypeError ValueError ZeroDivisionError"
)
_FIXED = frozenset(keyword.kwlist) | frozenset(_BUILTINS.split())
REACH = 13
"""The longest window in which renamed names are told apart, in tokens."""
_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))
_NAME = np.uint64(0xD6E8FEB86659FD93)
"""Stands for a name that did not occur earlier in the window."""
_REPEATED = np.uint64(0xA0761D6478BD642F)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_ONE = np.uint64(1)
_MAX_CACHED = 1 << 18


@dataclass(frozen=True, eq=False)
class Lexed:
    """A program's tokens, and the words beside them."""

    tokens: Hashes
    """(n_tokens,) one hash each; the lowest bit is set for names that a copyist could change."""
    prose: tuple[str, ...]
    """Docstrings and comments as they are written."""
    functions: tuple[str, ...]
    """Names of the functions that are defined."""

    @cached_property
    def repeats(self) -> NDArray[np.intp]:
        """(2, n_repeats) positions of a name and of its previous occurrence, less than `REACH` apart."""
        last: dict[int, int] = {}
        here: list[int] = []
        before: list[int] = []
        for position, value in enumerate(self.tokens.tolist()):
            if value & 1:
                previous = last.get(value, -REACH)
                if position - previous < REACH:
                    here.append(position)
                    before.append(previous)
                last[value] = position
        return np.array((here, before), np.intp)


class _TokenHashes(dict[str, int]):
    """Token -> hash, computed once; emptied when full, so that memory stays bounded (about 40 MB)."""

    def __missing__(self, token: str) -> int:
        if len(self) >= _MAX_CACHED:
            self.clear()
        is_name = (token[0].isalpha() or token[0] == "_") and token[-1] not in "\"'" and token not in _FIXED
        value = self[token] = hash_text(_plain_string(token)) & ~1 | is_name
        return value


class _Powers:
    """Powers of the base and of its inverse modulo 2**64, as many as the longest text needed so far."""

    def __init__(self) -> None:
        self.up = self.down = np.ones(1, np.uint64)
        self.grow(4096)

    def grow(self, count: int) -> None:
        self.up = np.cumprod(np.concatenate([[_ONE], np.full(count, _BASE)]), dtype=np.uint64)
        self.down = np.cumprod(np.concatenate([[_ONE], np.full(count, _INVERSE)]), dtype=np.uint64)


_token_hashes = _TokenHashes()
_word_hashes = _TokenHashes()
_powers = _Powers()


def hash_text(text: str) -> int:
    """64 bits of BLAKE2b."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


@lru_cache(maxsize=32)
def lex(code: str) -> Lexed:
    """The tokens of a program; the last few are kept, as several steps look at the same function."""
    found: list[str] = _TOKEN.findall("\n" + code)
    tokens = [token for token in found if token[0] not in "\n#"]
    prose = () if len(tokens) == len(found) else tuple(token for token in found if token[0] in "\n#")
    return Lexed(
        tokens=np.array([_token_hashes[token] for token in tokens], np.uint64),
        prose=prose,
        functions=tuple(tokens[i + 1] for i, token in enumerate(tokens[:-1]) if token == "def"),
    )


def lex_words(text: str) -> list[str]:
    """The words of a text: runs of letters and digits in lower case."""
    return _WORD.findall(text.lower())


def hash_words(words: list[str]) -> Hashes:
    """(n_words,) one hash each."""
    return np.array([_word_hashes[word] for word in words], np.uint64)


def window_sums(tokens: Hashes, sizes: tuple[int, ...]) -> list[Hashes]:
    """For each size (n_tokens - size + 1,) a sum that stands for every run of so many tokens, to be mixed by `mixed`.

    A polynomial in a fixed base modulo 2**64, by differences of prefix sums.
    """
    return _sums(_weighted(tokens), sizes)


def renamed_window_sums(lexed: Lexed, size: int) -> Hashes:
    """Like `window_sums` for one size of at most `REACH`, equal for windows that differ by a consistent renaming.

    A name is hashed as its distance to its previous occurrence where that lies in the window, otherwise as "a name"
    (Baker, "Parameterized pattern matching", 1996). Keywords, builtins, attributes and literals keep their spelling.
    """
    tokens = lexed.tokens
    count = len(tokens) - size + 1
    if count < 1:
        return np.empty(0, np.uint64)
    here, before = lexed.repeats
    if size < REACH:
        near = here - before < size
        here, before = here[near], before[near]
    added = _REPEATED * (here - before).astype(np.uint64) * _powers.up[here]
    # A window holds both occurrences where the later one is not behind it and the earlier one not before it. As they
    # are less than `size` apart, that is: what came up to its end, less what was left before its start.
    begun = np.zeros(len(tokens) + 1, np.uint64)
    begun[1:] = _weighted(np.where(tokens & _ONE, _NAME, tokens))
    ended = begun.copy()
    begun[here + 1] += added
    ended[before + 1] += added
    np.cumsum(begun, out=begun)
    np.cumsum(ended, out=ended)
    return (begun[size:] - ended[:count]) * _powers.down[:count]


def mixed(values: Hashes) -> Hashes:
    """Hashes of which all bits are usable (the finaliser of SplitMix64)."""
    values = (values ^ (values >> _SHIFTS[0])) * _MIX[0]
    values = (values ^ (values >> _SHIFTS[1])) * _MIX[1]
    return values ^ (values >> _SHIFTS[2])


def _weighted(tokens: Hashes) -> Hashes:
    if len(tokens) >= len(_powers.up):
        _powers.grow(2 * len(tokens))
    return tokens * _powers.up[: len(tokens)]


def _sums(weighted: Hashes, sizes: tuple[int, ...]) -> list[Hashes]:
    total = np.zeros(len(weighted) + 1, np.uint64)
    np.cumsum(weighted, out=total[1:])
    counts = [max(0, len(weighted) - size + 1) for size in sizes]
    return [
        (total[size:] - total[:count]) * _powers.down[:count] if count else total[:0]
        for size, count in zip(sizes, counts)
    ]


def _plain_string(token: str) -> str:
    """A string literal with one kind of quotes; any other token as it is."""
    quote = token[-1]
    if quote not in "\"'" or len(token) < 2:
        return token
    start = token.index(quote)
    width = 3 if token[start : start + 3] == quote * 3 and len(token) - start >= 6 else 1
    return f"{token[:start].lower().replace('u', '')}'{token[start + width : len(token) - width]}"
