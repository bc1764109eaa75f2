"""Imports and names of a module and a function in, the dotted names of what the function uses out.

Aliases, `from` imports, imports inside the function and attribute chains are followed; a name that the function or the
module binds itself is its own. A name that nothing binds may come from any star import of its module. Not followed:
variables and other functions of the same module.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

_BUILTINS = frozenset((*dir(builtins), "__builtins__"))
_BLOCKS = ("body", "handlers", "orelse", "finalbody")
_WITH_BLOCKS = (ast.If, ast.Try, ast.TryStar, ast.With, ast.For, ast.While, ast.ExceptHandler)


@dataclass(frozen=True)
class Scope:
    """The names of a module, also those inside `if`, `try` and `with`."""

    imported: Mapping[str, str]
    """Local name -> dotted name."""
    bound: AbstractSet[str]
    """Functions, classes and variables; imports are not among them."""
    stars: Sequence[str]
    """Modules of which everything is imported."""


def scope_of(body: Sequence[ast.stmt]) -> Scope:
    """The names that a module imports and binds."""
    imported: dict[str, str] = {}
    bound: set[str] = set()
    stars: list[str] = []
    for node in _statements(body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported |= import_bindings(node)
            stars += star_imports(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Assign):
            bound |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            bound.add(node.target.id)
    return Scope(imported, bound, stars)


def import_bindings(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """Local name -> dotted name, of one import; relative ones start with dots."""
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0]
            for alias in node.names
        }
    module = "." * node.level + (node.module or "")
    return {alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names if alias.name != "*"}


def star_imports(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The module of a `from module import *`; relative ones are the package's own and left out."""
    if isinstance(node, ast.ImportFrom) and not node.level and node.module and node.names[0].name == "*":
        return [node.module]
    return []


def resolved_names(
    free: AbstractSet[str], imports: Sequence[ast.Import | ast.ImportFrom], scope: Scope
) -> tuple[str, ...]:
    """The dotted names that a function uses from other modules and from `builtins`, sorted.

    Args:
        free: names and attributes such as `os.path.join` that the function loads and does not bind, except by imports.
        imports: all imports inside the function.
        scope: the module's names.
    """
    inner: dict[str, str] = {}
    for node in imports:
        inner |= import_bindings(node)
    used: set[str] = set()
    for name in free:
        root, dot, rest = name.partition(".")
        origin = inner.get(root) or scope.imported.get(root)
        if origin is not None:
            used.add(f"{origin}{dot}{rest}")
        elif root not in scope.bound:
            used.update(f"{module}.{name}" for module in (("builtins",) if root in _BUILTINS else scope.stars))
    return tuple(sorted(used))


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module's own scope."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, _WITH_BLOCKS):
            for block in _BLOCKS:
                waiting += getattr(node, block, ())
