"""A program in, its parts between the headers of its functions out: what a copyist keeps who writes another header."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from codedpo.code.extract import parse

Definition = ast.FunctionDef | ast.AsyncFunctionDef


def without_headers(program: str) -> tuple[str, ...]:
    """The text before the first header, after the last and between them, empty parts left out.

    A header reaches from `def` to the first statement of the body. Those of functions and methods count, those of
    functions inside others are part of a body. A text that does not parse is one part.
    """
    tree = parse(program)
    if tree is None:
        return (program,)
    lines = program.encode("utf-8", "surrogatepass").splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    whole = b"".join(lines)
    parts: list[bytes] = []
    end = 0
    for node in _definitions(tree.body):
        body = node.body[0]
        parts.append(whole[end : starts[node.lineno - 1] + node.col_offset])
        end = starts[body.lineno - 1] + body.col_offset
    parts.append(whole[end:])
    return tuple(part.decode("utf-8", "surrogatepass") for part in parts if part.strip())


def _definitions(body: Sequence[ast.stmt]) -> Iterator[Definition]:
    for node in body:
        if isinstance(node, Definition):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _definitions(node.body)
