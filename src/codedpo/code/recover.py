"""An answer's text in, the statements that it holds out: what is no Python is left out whole, nothing is completed."""

from __future__ import annotations

import ast
import doctest
import re
import textwrap
from dataclasses import dataclass

from codedpo.code.extract import parse, starts_statement

_MARKED = re.compile(
    r"^[ \t]*(?:[-*+][ \t]+|\d+[.):][ \t]+)?"
    r"(?:(?P<ticks>`{1,3})(?P<code>assert\b.*?)(?P=ticks)(?!`).*|(?P<bare>assert\b.*))$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Statements:
    """The statements of a text, in order, and the rules that were needed to read them."""

    body: tuple[ast.stmt, ...]
    repairs: tuple[str, ...]


def read_statements(text: str) -> Statements:
    """All statements of a text: as a module, as a doctest, or statement by statement.

    In the last case the text is cut at its left margin and each piece that parses is kept: an unfinished last
    test, a sentence, a list marker and backticks around an assert fall away.
    """
    text = textwrap.dedent(text)
    if re.search(r"^\s*>>> ", text, re.MULTILINE):
        return _doctest(text)
    tree = parse(text)
    if tree is not None:
        return Statements(tuple(tree.body), ())
    pieces = _pieces(_MARKED.sub(lambda match: match["code"] or match["bare"], text))
    return Statements(tuple(pieces), ("lines that are not Python dropped",) if pieces else ())


def _pieces(text: str) -> list[ast.stmt]:
    """The statements of each piece from one line at the margin to the next."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if starts_statement(line)]
    found: list[ast.stmt] = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        tree = parse("\n".join(lines[start:end]))
        if tree is not None:
            found += [node for node in tree.body if not _is_prose(node)]
        elif end > start + 1:  # a sentence with indented code below it
            inner = parse(textwrap.dedent("\n".join(lines[start + 1 : end])))
            if inner is not None and any(isinstance(node, ast.Assert) for node in inner.body):
                found += inner.body
    return found


def _is_prose(node: ast.stmt) -> bool:
    """A word, or `Note: text`, is Python by chance."""
    bare = isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Tuple | ast.Constant)
    return bare or (isinstance(node, ast.AnnAssign) and node.value is None)


def _doctest(text: str) -> Statements:
    """`>>> f(1)` with `2` below it reads `assert f(1) == 2`, where what is expected is a literal."""
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return Statements((), ())
    body: list[ast.stmt] = []
    for example in examples:
        tree = parse(example.source)
        if tree is None:
            continue
        if not example.want:
            body += tree.body
            continue
        wanted = _literal(example.want)
        if wanted is not None and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
            body.append(ast.Assert(ast.Compare(tree.body[0].value, [ast.Eq()], [wanted]), None))
    return Statements(tuple(ast.fix_missing_locations(node) for node in body), ("doctest read as asserts",))


def _literal(text: str) -> ast.expr | None:
    tree = parse(text.strip())
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return None
    try:
        ast.literal_eval(tree.body[0].value)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return None
    return tree.body[0].value
