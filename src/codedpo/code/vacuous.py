"""A test's statements in, the reason why it tests nothing out: by the syntax tree alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_BRANCHES = (ast.If, ast.For, ast.While, ast.Try, ast.With)


@dataclass(frozen=True)
class _Names:
    """What a test calls the function, and what holds values that may depend on it."""

    functions: frozenset[str]
    values: frozenset[str]


def vacuous_reason(body: Sequence[ast.stmt], entry_point: str) -> str | None:
    """Why a test cannot tell a right function from a wrong one, or None.

    What only runs can show, such as `assert isinstance(f(1), int)`, is left to the panel of stubs (stubs.py).
    """
    parts = [part for node in body for part in ast.walk(node)]
    if entry_point in {name for part in parts for name in _bound(part)}:
        return "test redefines the function"
    functions = _functions(parts, entry_point)
    if not any(_calls(part, functions) for part in parts):
        return "test does not call the function"
    names = _Names(functions, _values(parts, functions))
    depending = [condition for node in body for condition in _depending(node, names, is_guarded=False)]
    if not depending:
        return "no assertion depends on the function"
    if all(_is_always_true(condition) for condition in depending):
        return "the assertion is always true"
    return None


def _functions(parts: Sequence[ast.AST], entry_point: str) -> frozenset[str]:
    """The function's name and its aliases, such as g in `g = f`."""
    names = {entry_point}
    for part in parts:
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Name) and part.value.id in names:
            names |= {target.id for target in part.targets if isinstance(target, ast.Name)}
    return frozenset(names)


def _depending(node: ast.AST, names: _Names, *, is_guarded: bool) -> Iterator[ast.expr]:
    """Conditions of asserts that depend on the function, by what they read or by whether they are reached."""
    if isinstance(node, ast.Assert) and (is_guarded or _depends(node.test, names)):
        yield node.test
    is_guarded = is_guarded or (isinstance(node, _BRANCHES) and _depends(node, names))
    for child in ast.iter_child_nodes(node):
        yield from _depending(child, names, is_guarded=is_guarded)


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


def _calls(part: ast.AST, names: frozenset[str]) -> bool:
    """Whether the node calls the function, or hands it to something that may."""
    if not isinstance(part, ast.Call):
        return False
    called = (part.func, *part.args, *(keyword.value for keyword in part.keywords))
    return any(isinstance(value, ast.Name) and value.id in names for value in called)


def _values(parts: Sequence[ast.AST], functions: frozenset[str]) -> frozenset[str]:
    """Names whose values may depend on the function: bound from a call, or handed to one and perhaps changed by it."""
    values: frozenset[str] = frozenset()
    while True:
        names = _Names(functions, values)
        found = {name for part in parts if _depends(part, names) for name in _reached(part)} - functions
        if found <= values:
            return values
        values |= found


def _reached(part: ast.AST) -> Iterator[str]:
    """Names that a depending statement or call may give a value to."""
    if isinstance(part, ast.FunctionDef):
        yield part.name
    elif isinstance(part, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        targets = part.targets if isinstance(part, ast.Assign) else [part.target]
        yield from (name for target in targets for name in _roots(target))
    elif isinstance(part, _BRANCHES):
        yield from (inner.id for inner in ast.walk(part) if isinstance(inner, ast.Name) and _is_stored(inner))
    elif isinstance(part, ast.Call):
        arguments = [*part.args, *(keyword.value for keyword in part.keywords)]
        owner = part.func.value if isinstance(part.func, ast.Attribute) else None
        yield from (value.id for value in (*arguments, owner) if isinstance(value, ast.Name))


def _roots(target: ast.expr) -> Iterator[str]:
    """Names that an assignment to `target` changes: x of `x`, `x[0]`, `x.y` and `(x, y)`."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
        yield from _roots(target.value)
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _roots(part)


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _depends(node: ast.AST, names: _Names) -> bool:
    """Whether anything in the node calls the function or reads a value that depends on it."""
    return any(
        _calls(part, names.functions) or (isinstance(part, ast.Name) and part.id in names.values)
        for part in ast.walk(node)
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
        return same and isinstance(condition.ops[0], ast.Eq | ast.LtE | ast.GtE)
    return False
