"""A test's statements in, the reason why it tests nothing out: by the syntax tree alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence


def vacuous_reason(body: Sequence[ast.stmt], entry_point: str) -> str | None:
    """Why a test cannot tell a right function from a wrong one, or None.

    What only runs can show, such as `assert isinstance(f(1), int)`, is left to the panel of stubs (stubs.py).
    """
    parts = [part for node in body for part in ast.walk(node)]
    if entry_point in {name for part in parts for name in _bound(part)}:
        return "test redefines the function"
    if not any(_calls(part, entry_point) for part in parts):
        return "test does not call the function"
    conditions = [part.test for part in parts if isinstance(part, ast.Assert)]
    dependent = _dependent_names(parts, entry_point)
    depending = [condition for condition in conditions if _depends(condition, entry_point, dependent)]
    if not depending:
        return "no assertion depends on the function"
    if all(_is_always_true(condition) for condition in depending):
        return "the assertion is always true"
    return None


def _bound(part: ast.AST) -> Iterator[str]:
    """Names that one node binds."""
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield part.name
    elif isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
        yield part.id
    elif isinstance(part, ast.arg):
        yield part.arg
    elif isinstance(part, ast.alias):
        yield part.asname or part.name.split(".")[0]
    elif isinstance(part, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and part.name:
        yield part.name
    elif isinstance(part, ast.Global | ast.Nonlocal):
        yield from part.names


def _calls(part: ast.AST, name: str) -> bool:
    """Whether the node calls the function, or hands it to something that may."""
    if not isinstance(part, ast.Call):
        return False
    called = (part.func, *part.args, *(keyword.value for keyword in part.keywords))
    return any(isinstance(value, ast.Name) and value.id == name for value in called)


def _dependent_names(parts: Sequence[ast.AST], entry_point: str) -> frozenset[str]:
    """Names whose values may depend on the function: bound from a call, or handed to one and perhaps changed by it."""
    names: set[str] = set()
    while True:
        found = {name for part in parts if _depends(part, entry_point, names) for name in _reached(part)}
        if found <= names:
            return frozenset(names)
        names |= found


def _reached(part: ast.AST) -> Iterator[str]:
    """Names that a depending statement or call may give a value to."""
    if isinstance(part, ast.FunctionDef):
        yield part.name
    elif isinstance(part, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.With | ast.NamedExpr):
        yield from (inner.id for inner in ast.walk(part) if isinstance(inner, ast.Name) and _is_stored(inner))
    elif isinstance(part, ast.Call):
        arguments = [*part.args, *(keyword.value for keyword in part.keywords)]
        owner = part.func.value if isinstance(part.func, ast.Attribute) else None
        yield from (value.id for value in (*arguments, owner) if isinstance(value, ast.Name))


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _depends(node: ast.AST, entry_point: str, names: set[str] | frozenset[str]) -> bool:
    return any(
        _calls(part, entry_point) or (isinstance(part, ast.Name) and part.id in names) for part in ast.walk(node)
    )


def _is_always_true(condition: ast.expr) -> bool:
    """A non-empty tuple, `... or True`, or one thing compared with itself."""
    if isinstance(condition, ast.Tuple):
        return bool(condition.elts)
    if isinstance(condition, ast.Constant):
        return bool(condition.value)
    if isinstance(condition, ast.BoolOp):
        decide = any if isinstance(condition.op, ast.Or) else all
        return decide(_is_always_true(value) for value in condition.values)
    if isinstance(condition, ast.Compare) and len(condition.ops) == 1:
        same = ast.dump(condition.left) == ast.dump(condition.comparators[0])
        return same and isinstance(condition.ops[0], ast.Eq | ast.Is | ast.LtE | ast.GtE)
    return False
