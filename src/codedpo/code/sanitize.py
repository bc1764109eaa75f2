"""An answer in, the program that evalplus 0.3.1 finds in it out (evalplus/sanitize.py), for figures to compare with.

Its ways are kept: it reads the longest run of lines that is Python, and of that the imports, the classes, the functions
with a `return` and the assignments of one name, the first of each name, as far as the entry point needs them. So what
is decorated, imported inside `try`, or a statement of the module is lost. Use `extract` for anything else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codedpo.code.syntax import syntax_tree

_IDENTIFIERS = ("id", "attr", "arg", "name", "asname", "rest")
"""Fields of syntax nodes that hold a name."""


def sanitize(answer: str, entry_point: str) -> str:
    """The program; where nothing is found, the longest run of lines that is Python."""
    source = _longest_python(answer)
    return _needed(source, entry_point).strip() or source


def _longest_python(text: str) -> str:
    """The lines from one to another that are Python and most of which are not blank; the first of several."""
    lines = text.split("\n")
    filled = [bool(line.strip()) for line in lines]
    best, span = 0, (0, 0)
    for start in range(len(lines)):
        if sum(filled[start:]) <= best:
            break
        for end in range(len(lines) - 1, start, -1):
            count = sum(filled[start : end + 1])
            if count <= best:
                break
            if _is_python("\n".join(lines[start : end + 1])):
                while end - 1 > start and not filled[end] and _is_python("\n".join(lines[start:end])):
                    end -= 1  # blank lines at the end count for nothing
                best, span = count, (start, end)
    return "\n".join(lines[span[0] : span[1] + 1])


def _is_python(text: str) -> bool:
    try:
        syntax_tree(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _needed(source: str, entry_point: str) -> str:
    try:
        tree = syntax_tree(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ""
    imports: list[str] = []
    definitions: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            if getattr(node, "module", "") != "__future__":
                imports.append(_text(source, node))
        elif (name := _defined_name(node)) is not None:
            definitions.setdefault(name, node)
    reached = _reached(entry_point, {name: set(_identifiers(node)) for name, node in definitions.items()})
    return "\n".join([*imports, *(_text(source, node) for name, node in definitions.items() if name in reached)])


def _defined_name(node: ast.stmt) -> str | None:
    """The name of what counts as a definition, None for any other statement."""
    match node:
        case ast.ClassDef(name=name, decorator_list=[]):
            return name
        case ast.FunctionDef(name=name, decorator_list=[]) | ast.AsyncFunctionDef(name=name, decorator_list=[]):
            return name if any(isinstance(part, ast.Return) for part in ast.walk(node)) else None
        case ast.Assign(targets=[first, *_], value=value):
            return next((part.id for part in (first, value) if isinstance(part, ast.Name)), "")
        case ast.AnnAssign(target=target, value=value):
            return next((part.id for part in (target, value) if isinstance(part, ast.Name)), "")
        case _:
            return None


def _identifiers(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        for field in _IDENTIFIERS:
            if isinstance(name := getattr(part, field, None), str):
                yield from name.split(".")
        if isinstance(part, ast.Global | ast.Nonlocal):
            yield from part.names
        if isinstance(part, ast.ImportFrom) and part.module:
            yield from part.module.split(".")


def _reached(entry_point: str, calls: dict[str, set[str]]) -> set[str]:
    visited, left = {entry_point}, [entry_point]
    while left:
        for name in calls.get(left.pop(), set()) - visited:
            visited.add(name)
            left.append(name)
    return visited


def _text(source: str, node: ast.stmt) -> str:
    return ast.get_source_segment(source, node) or ""
