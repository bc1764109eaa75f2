"""A model's answer in, single tests out: one assert each, or one test function with its call."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from codedpo.code.extract import code_blocks, parse

_ASSERT_LINE = re.compile(r"^\s*(?:[-*]\s+|\d+[.)]\s+)?`{0,3}(assert\b.*?)`{0,3}\s*$", re.MULTILINE)


@dataclass(frozen=True)
class SplitTests:
    """Tests that can be run alone, and what was left out with the reason."""

    tests: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...]
    """(text, reason) each."""


def split_tests(answer: str, entry_point: str) -> SplitTests:
    """Split an answer into tests that call `entry_point`.

    A test is a single `assert` preceded by the imports and assignments that it needs, or a `test_` function
    followed by its call; a `test_` function that holds nothing but asserts is split into them. Where a block
    does not parse (an unfinished last line), its lines that are asserts on their own are taken.
    """
    found = _split(code_blocks(answer) or [answer], entry_point)
    if found.tests:
        return found
    # Asserts outside the fences, after an implementation that nobody asked for.
    return SplitTests(_split([_assert_text(answer)], entry_point).tests, found.rejected)


def _split(texts: list[str], entry_point: str) -> SplitTests:
    tests: list[str] = []
    rejected: list[tuple[str, str]] = []
    for text in texts:
        tree = parse(text)
        for unit in _units(tree, entry_point) if tree is not None else _assert_lines(text):
            reason = _reject_reason(unit, entry_point)
            if reason is None:
                tests.append(unit)
            else:
                rejected.append((unit, reason))
    return SplitTests(tuple(tests), tuple(rejected))


def _assert_text(answer: str) -> str:
    """The lines at the left margin that are asserts on their own."""
    return "\n".join(line for line in answer.splitlines() if line.startswith("assert ") and parse(line) is not None)


def _assert_lines(text: str) -> list[str]:
    return [line for line in _ASSERT_LINE.findall(text) if parse(line) is not None]


def _units(tree: ast.Module, entry_point: str) -> list[str]:
    setup: list[ast.stmt] = []
    units: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Assert):
            units.append(_with_setup(setup, [node]))
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            units.extend(_function_units(setup, node))
        elif isinstance(node, ast.FunctionDef) and node.name == entry_point:
            continue  # an implementation that was not asked for must not replace the solution's
        elif isinstance(node, ast.ClassDef) and node.name.lower().startswith("test"):
            units.append(ast.unparse(node))
        elif isinstance(
            node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.FunctionDef | ast.ClassDef
        ):
            setup.append(node)
    return units


def _function_units(setup: list[ast.stmt], node: ast.FunctionDef) -> list[str]:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if node.args.args:
        return [ast.unparse(node)]
    if body and all(isinstance(statement, ast.Assert) for statement in body):
        return [_with_setup(setup, [statement]) for statement in body]
    call = ast.Expr(ast.Call(ast.Name(node.name, ast.Load()), [], []))
    return [_with_setup(setup, [node, call])]


def _with_setup(setup: list[ast.stmt], body: list[ast.stmt]) -> str:
    """The statements with just the setup that they use, found backwards."""
    needed = {part.id for node in body for part in ast.walk(node) if isinstance(part, ast.Name)}
    kept: list[ast.stmt] = []
    for node in reversed(setup):
        if _binds(node) & needed:
            kept.insert(0, node)
            needed |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return "\n".join(ast.unparse(ast.fix_missing_locations(node)) for node in [*kept, *body])


def _binds(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _reject_reason(unit: str, entry_point: str) -> str | None:
    tree = parse(unit)
    if tree is None:
        return "test does not parse"
    if any(isinstance(node, ast.ClassDef) and node.name.lower().startswith("test") for node in tree.body):
        return "test is a class"
    if any(isinstance(node, ast.FunctionDef) and node.args.args and node.name.startswith("test") for node in tree.body):
        return "test function takes arguments"
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    if not any(isinstance(function, ast.Name) and function.id == entry_point for function in calls):
        return "test does not call the function"
    return None
