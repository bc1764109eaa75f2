"""A source file or a function of one in, the rule that it breaks out: what becomes a seed is decided here.

`FILE_RULES` and `FUNCTION_RULES` are all the rules, in the order in which they are asked; the first that is broken
gives the reason under which the file or the function is counted.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from codedpo.code.extract import parse
from codedpo.code.functions import Function
from codedpo.code.surroundings import surroundings_of
from codedpo.sources.files import SourceFile
from codedpo.sources.licences import is_allowed


class Settings(Protocol):
    """What can be set about the rules: the fields of the same names of the stage."""

    @property
    def licences(self) -> Sequence[str]: ...
    @property
    def min_lines(self) -> int: ...
    @property
    def max_lines(self) -> int: ...
    @property
    def english(self) -> bool: ...


@dataclass(frozen=True)
class FileRule:
    """One reason to leave a whole file out."""

    reason: str
    check: Callable[[SourceFile, Settings], str | None]
    """None where the rule is kept, else what breaks it (may be empty)."""


@dataclass(frozen=True)
class FunctionRule:
    """One reason to leave a function out."""

    reason: str
    check: Callable[[Function, Settings], str | None]
    """None where the rule is kept, else what breaks it (may be empty)."""


@dataclass(frozen=True)
class Broken:
    """The first rule that a file or a function breaks."""

    reason: str
    detail: str


def broken_file_rule(file: SourceFile, settings: Settings) -> Broken | None:
    """The first of `FILE_RULES` that the file breaks."""
    for rule in FILE_RULES:
        detail = rule.check(file, settings)
        if detail is not None:
            return Broken(rule.reason, detail)
    return None


def broken_function_rule(function: Function, settings: Settings) -> Broken | None:
    """The first of `FUNCTION_RULES` that the function breaks."""
    for rule in FUNCTION_RULES:
        detail = rule.check(function, settings)
        if detail is not None:
            return Broken(rule.reason, detail)
    return None


_MAX_FILE_CHARACTERS = 1_000_000
_MAX_LINE, _MAX_MEAN_LINE = 1_000, 100
"""Characters: a file with a longer line, or longer ones in the mean, was not written by hand (The Stack's limits)."""
_HEADER_LINES = 20
_GENERATED = re.compile(
    r"@generated|do not (?:edit|modify)|(?:auto-?|automatically )generated|(?:file|code|module) (?:is|was) generated"
    r"|^[#\s]*generated (?:by|from|with)",
    re.IGNORECASE | re.MULTILINE,
)
_TEST_FOLDERS = frozenset(("test", "tests", "testing", "unittests", "_tests", "_testing"))
_UNFINISHED = re.compile(r"\b(?:[Tt][Oo][Dd][Oo]|[Ff][Ii][Xx][Mm][Ee]|XXX)\b")
_MAYBE_UNFINISHED = re.compile(r"#.*\b(?:[Tt][Oo][Dd][Oo]|[Ff][Ii][Xx][Mm][Ee]|XXX)\b")
"""A comment, or a string with a `#` in it: looking for this first saves most of the time."""
_MIN_ASCII, _MIN_COMMON, _MIN_WORDS = 0.9, 0.1, 8
"""Least share of ASCII among the letters of an English text; of common words, asked of texts with so many words."""
_COMMON = (
    "a an and are as at be by each either every for from given has have if in into is it its like list new no not of on"
    " one only or otherwise return returned returns same should such than that the then this to true false two use used"
    " using value values when where whether which will with you"
)
_COMMON_WORDS = frozenset(_COMMON.split())
_NODES_OF_A_DEEP_TREE = 600
"""`ast.unparse`, which later steps need, gives up at a depth that no smaller tree has."""


def _licence_missing(file: SourceFile, _: Settings) -> str | None:
    return None if file.licence else ""


def _licence_not_allowed(file: SourceFile, settings: Settings) -> str | None:
    return None if is_allowed(file.licence, tuple(settings.licences)) else file.licence


def _test_file(file: SourceFile, _: Settings) -> str | None:
    *folders, name = file.path.lower().split("/")
    stem = name.removesuffix(".py")
    named = name.startswith(("test_", "conftest")) or stem.endswith("_test") or stem in _TEST_FOLDERS
    return "" if named or not _TEST_FOLDERS.isdisjoint(folders) else None


def _generated(file: SourceFile, _: Settings) -> str | None:
    header = file.text[:4_000].split("\n", _HEADER_LINES)[:_HEADER_LINES]
    comments = [line for line in header if line.lstrip().startswith("#")]
    if _GENERATED.search("\n".join(comments)) is None:
        return None
    return next((line.strip()[:80] for line in comments if _GENERATED.search(line)), None)


def _minified(file: SourceFile, _: Settings) -> str | None:
    if len(file.text) > _MAX_FILE_CHARACTERS:
        return f"{len(file.text)} characters"
    lines = file.text.split("\n")
    longest, mean = max(map(len, lines)), len(file.text) / len(lines)
    if longest > _MAX_LINE:
        return f"a line of {longest} characters"
    return f"lines of {mean:.0f} characters in the mean" if mean > _MAX_MEAN_LINE else None


def _not_english(function: Function, settings: Settings) -> str | None:
    if not settings.english or not function.docstring:
        return None
    letters = [character for character in function.docstring if character.isalpha()]
    if sum(letter.isascii() for letter in letters) < _MIN_ASCII * len(letters) or not letters:
        return "letters of another script"
    words = re.findall(r"[a-z]+", function.docstring.lower())
    few = len(words) >= _MIN_WORDS and sum(word in _COMMON_WORDS for word in words) < _MIN_COMMON * len(words)
    return "few common English words" if few else None


def _unfinished(function: Function, _: Settings) -> str | None:
    if _MAYBE_UNFINISHED.search(function.code) is None:
        return None
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(function.code).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        return str(error)
    comments = (token.string for token in tokens if token.type == tokenize.COMMENT)
    return next((comment for comment in comments if _UNFINISHED.search(comment)), None)


def _touches(kind: str) -> Callable[[Function, Settings], str | None]:
    def check(function: Function, _: Settings) -> str | None:
        return next((name for name in function.uses if surroundings_of(name) == kind), None)

    return check


def _is(broken: Callable[[Function, Settings], bool]) -> Callable[[Function, Settings], str | None]:
    return lambda function, settings: "" if broken(function, settings) else None


FILE_RULES = (
    FileRule("licence not found", _licence_missing),
    FileRule("licence not allowed", _licence_not_allowed),
    FileRule("test file", _test_file),
    FileRule("generated file", _generated),
    FileRule("minified or data file", _minified),
)
FUNCTION_RULES = (
    FunctionRule("private", _is(lambda function, _: function.name.startswith("_"))),
    FunctionRule("test function", _is(lambda function, _: function.name.startswith("test"))),
    FunctionRule("no docstring", _is(lambda function, _: not function.docstring.strip())),
    FunctionRule("no arguments", _is(lambda function, _: not function.arguments)),
    FunctionRule("returns no value", _is(lambda function, _: not function.returns_value)),
    FunctionRule("too short", _is(lambda function, settings: function.code_lines < settings.min_lines)),
    FunctionRule("too long", _is(lambda function, settings: function.code_lines > settings.max_lines)),
    FunctionRule("test framework", _touches("test framework")),
    FunctionRule("input or output", _touches("input or output")),
    FunctionRule("processes or threads", _touches("processes or threads")),
    FunctionRule("network", _touches("network")),
    FunctionRule("time", _touches("time")),
    FunctionRule("randomness", _touches("randomness")),
    FunctionRule("runs text as code", _touches("runs text as code")),
    FunctionRule("unfinished (TODO, FIXME, XXX)", _unfinished),
    FunctionRule("docstring not in English", _not_english),
    FunctionRule(
        "too deep", _is(lambda function, _: function.nodes > _NODES_OF_A_DEEP_TREE and parse(function.code) is None)
    ),
)
