"""Two programs or answers in, how and where they differ out."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from codedpo.code.extract import parse
from codedpo.code.normal import normal_form


@dataclass(frozen=True)
class Middle:
    """What lies between the common beginning and the common end of two texts, in characters."""

    first: tuple[int, int]
    """Start and end in the first text."""
    second: tuple[int, int]


def middle(first: str, second: str) -> Middle:
    """Where two texts differ; the beginning is taken as long as it can be, then the end."""
    shorter = min(len(first), len(second))
    start = next((i for i in range(shorter) if first[i] != second[i]), shorter)
    end = next((i for i in range(shorter - start) if first[-1 - i] != second[-1 - i]), shorter - start)
    return Middle((start, len(first) - end), (start, len(second) - end))


def text_difference(first: str, second: str) -> float:
    """Share of the characters that differ between the normal forms of two programs: 0 (same) to 1."""
    return _difference(normal_form(first), normal_form(second))


def tree_difference(first: str, second: str) -> float:
    """The same of the kinds of nodes of their syntax trees, in order: names and constants do not count."""
    return _difference(_kinds(first), _kinds(second))


def length_ratio(first: str, second: str) -> float:
    """How many times longer the longer of two texts is, at least 1."""
    shorter, longer = sorted((len(first), len(second)))
    return max(1.0, longer / max(1, shorter))


def _kinds(program: str) -> list[str]:
    tree = parse(normal_form(program))
    return [] if tree is None else [type(node).__name__ for node in ast.walk(tree)]


def _difference(first: Sequence[str], second: Sequence[str]) -> float:
    return 1.0 - difflib.SequenceMatcher(None, first, second, autojunk=False).ratio()
