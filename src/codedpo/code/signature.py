"""A program and a task's signature in, the reason why they do not fit out: by the syntax tree alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from codedpo.code.extract import parse
from codedpo.code.syntax import syntax_tree

_MAX_ALIASES = 5


def signature_problem(program: str, signature: str) -> str | None:
    """Why calls of `signature` would not fit the function that the program defines at top level, or None.

    The function must take the signature's arguments by position, in the signature's order where it uses its names,
    and must not need more. Other names, more arguments with a default, and missing type hints are fine.
    """
    wanted = _header(signature)
    tree = parse(program)
    if tree is None:
        return "program does not parse"
    found = _definition(tree, wanted.name)
    if found is None:
        return "entry point is not a plain function at top level"
    if isinstance(found, ast.AsyncFunctionDef):
        return "entry point is a coroutine"
    return _arguments_problem(wanted.args, found.args)


def argument_names(signature: str) -> tuple[str, ...]:
    """Names of the signature's positional arguments, in order."""
    header = _header(signature)
    return tuple(argument.arg for argument in (*header.args.posonlyargs, *header.args.args))


def _header(signature: str) -> ast.FunctionDef:
    tree = syntax_tree(f"{signature.rstrip().rstrip(':')}: pass")
    assert isinstance(tree.body[0], ast.FunctionDef)
    return tree.body[0]


def _definition(tree: ast.Module, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    """What the name is bound to last; `f = g` is followed to g."""
    for _ in range(_MAX_ALIASES):
        bound = [node for node in _top_level(tree.body) if _binds(node, name)]
        last = bound[-1] if bound else None
        if isinstance(last, ast.FunctionDef | ast.AsyncFunctionDef):
            return last
        value = last.value if isinstance(last, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Lambda):
            return value
        if not isinstance(value, ast.Name) or value.id == name:
            return None
        name = value.id
    return None


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of the module itself, also inside `if`, `try` and `with`."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            for block in ("body", "handlers", "orelse", "finalbody"):
                for inner in getattr(node, block, []):
                    yield from _top_level(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def _binds(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name == name
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _arguments_problem(wanted: ast.arguments, found: ast.arguments) -> str | None:
    asked = [argument.arg for argument in (*wanted.posonlyargs, *wanted.args)]
    given = [argument.arg for argument in (*found.posonlyargs, *found.args)]
    keywords = {argument.arg for argument in wanted.kwonlyargs}
    least = sum(name not in keywords for name in given[: len(given) - len(found.defaults)])
    if len(given) < len(asked) and found.vararg is None:
        return "function takes fewer arguments than the signature"
    if least > len(asked):
        return "function needs more arguments than the signature"
    if least > len(asked) - len(wanted.defaults):
        return "function lacks a default of the signature"
    shared = [name for name in given if name in asked]
    if shared != [name for name in asked if name in given]:
        return "function takes the arguments in another order"
    return _keyword_problem(wanted, found, given)


def _keyword_problem(wanted: ast.arguments, found: ast.arguments, given: list[str]) -> str | None:
    asked = {argument.arg for argument in wanted.kwonlyargs}
    known = {argument.arg for argument in found.kwonlyargs} | set(given)
    pairs = zip(found.kwonlyargs, found.kw_defaults, strict=True)
    needed = {argument.arg for argument, default in pairs if default is None}
    if needed - asked:
        return "function needs more arguments than the signature"
    if asked - known and found.kwarg is None:
        return "function takes fewer arguments than the signature"
    return None
