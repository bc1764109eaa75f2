"""Imports and names of a module and a function in, the dotted names of what the function uses out.

Aliases, `from` imports, imports inside the function and attribute chains are followed; a name that the function or the
module binds itself is its own. Not followed: star imports, and other functions of the same module.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

_BUILTINS = frozenset(dir(builtins))


def imported_names(body: Sequence[ast.stmt]) -> dict[str, str]:
    """Local name -> dotted name, of the imports of a module, also those inside `if`, `try` and `with`."""
    names: dict[str, str] = {}
    for node in _statements(body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= import_bindings(node)
    return names


def import_bindings(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """Local name -> dotted name, of one import; relative ones start with dots."""
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0]
            for alias in node.names
        }
    module = "." * node.level + (node.module or "")
    return {alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names if alias.name != "*"}


def module_bindings(body: Sequence[ast.stmt]) -> frozenset[str]:
    """Names of the functions, classes and variables that a module binds; imports are not among them."""
    names: set[str] = set()
    for node in _statements(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return frozenset(names)


def resolved_names(
    free: AbstractSet[str],
    imports: Sequence[ast.Import | ast.ImportFrom],
    imported: Mapping[str, str],
    bound: AbstractSet[str],
) -> tuple[str, ...]:
    """The dotted names that a function uses from other modules and from `builtins`, sorted.

    Args:
        free: names and attributes such as `os.path.join` that the function loads and does not bind, except by imports.
        imports: all imports inside the function.
        imported: the module's imports, see `imported_names`.
        bound: the module's own names, see `module_bindings`.
    """
    inner: dict[str, str] = {}
    for node in imports:
        inner |= import_bindings(node)
    used: set[str] = set()
    for name in free:
        root, dot, rest = name.partition(".")
        origin = inner.get(root) or imported.get(root)
        if origin is not None:
            used.add(f"{origin}{dot}{rest}")
        elif root in _BUILTINS and root not in bound:
            used.add(f"builtins.{name}")
    return tuple(sorted(used))


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module's own scope."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for block in ("body", "handlers", "orelse", "finalbody"):
                waiting += getattr(node, block, ())
