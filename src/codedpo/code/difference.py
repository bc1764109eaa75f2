"""Two programs in, how much they differ out, from 0 for the same to 1 for nothing in common: in text, in syntax."""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from collections.abc import Iterator
from typing import cast

from codedpo.code.extract import parse
from codedpo.code.normal import normal_form


def text_difference(first: str, second: str) -> float:
    """The share of lines that the other program does not have in the same order; empty lines do not count."""
    lines = [[line.strip() for line in text.splitlines() if line.strip()] for text in (first, second)]
    return 1 - difflib.SequenceMatcher(None, *lines, autojunk=False).ratio()


def tree_difference(first: str, second: str) -> float:
    """The share of syntax nodes that the other program lacks; comments, docstrings and layout do not count.

    A node is told by its type, its name or value, and what its parent is to it, not by where in the program it stands.
    Programs that do not parse are compared as text.
    """
    trees = [parse(normal_form(program)) for program in (first, second)]
    if trees[0] is None or trees[1] is None:
        return text_difference(first, second)
    left, right = Counter(_nodes(trees[0])), Counter(_nodes(trees[1]))
    total = left.total() + right.total()
    return 1 - 2 * (left & right).total() / total if total else 0.0


def _nodes(tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """Each node below this one as (type of its parent, its field there, its type, its names and values)."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for node in cast(list[object], value) if isinstance(value, list) else [value]:
                if isinstance(node, ast.AST) and not isinstance(node, ast.Load | ast.Store):
                    own = (
                        str(part) for _, part in ast.iter_fields(node) if isinstance(part, str | int | float | bytes)
                    )
                    yield (type(parent).__name__, field, type(node).__name__, *own)
