"""A function's syntax tree in; the names and imports in it and the tree as a sequence of words out, in one walk.

The walk is much of the time that seeds cost, so it does without `ast.walk` and `ast.unparse`.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codedpo.code.names import import_bindings

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Walked:
    """What one walk collects."""

    free: set[str]
    """Names that are loaded on their own and not bound, or by an import."""
    chains: set[str]
    """Attributes such as `os.path.join` of names that are not bound, or by an import."""
    imports: Sequence[ast.Import | ast.ImportFrom]
    words: Sequence[str]
    """Equal for equal trees and for no others; docstrings and the function's own decorators are left out."""


@dataclass(frozen=True)
class _Shape:
    """How a kind of node is walked."""

    name: str
    fields: tuple[str, ...]
    """Last one first, since they wait on a stack."""


_DECORATORS = "@"
"""Where the words of decorators begin: no other word is this one."""
_LEFT_OUT = frozenset(("ctx", "kind", "type_comment", "type_ignores"))
_SHAPES = {
    kind: _Shape(kind.__name__, tuple(field for field in reversed(kind._fields) if field not in _LEFT_OUT))
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}


def walk(root: ast.FunctionDef) -> Walked:
    """Visit every node once, in the order of the source; without recursion, so that depth is no limit."""
    loaded: set[str] = set()
    stored: set[str] = set()
    chains: set[str] = set()
    imports: list[ast.Import | ast.ImportFrom] = []
    bindings: list[ast.arg | Definition] = []
    noted: dict[type, list[Any]] = {ast.Import: imports, ast.ImportFrom: imports}
    noted |= dict.fromkeys((ast.arg, *DEFINITIONS), bindings)
    words: list[str] = []
    stack: list[Any] = [root]
    if root.decorator_list:  # last, so that their words can be cut off
        bare = copy.copy(root)
        bare.decorator_list = []
        stack = [*reversed(root.decorator_list), _DECORATORS, bare]
    while stack:
        item = stack.pop()
        kind = item.__class__
        if kind is ast.Name:
            if item.ctx.__class__ is ast.Load:
                loaded.add(item.id)
            elif item.ctx.__class__ is ast.Store:
                stored.add(item.id)
            words.append(f"={item.id}")
        elif kind is ast.Constant:
            words.append(_constant(item.value))
        elif kind is ast.Attribute:
            chain, node = _chain(item)
            if node.__class__ is ast.Name:
                chains.add(f"{node.id}{chain}")
                words.append(f"={node.id}{chain}")
            else:
                words.append(chain)
                stack.append(node)
        elif kind not in _SHAPES:
            words.append(str(item))
        else:
            if kind in noted:
                noted[kind].append(item)
                item = _without_docstring(item) if kind in DEFINITIONS else item
            _open(item, _SHAPES[kind], words, stack)
    stored |= {node.arg if isinstance(node, ast.arg) else node.name for node in bindings[1:]}
    for node in imports:  # `try: import os`, `except ImportError: os = None`
        stored -= import_bindings(node).keys()
    free = {chain for chain in chains if chain.split(".", 1)[0] not in stored}
    return Walked(loaded - stored, free, imports, words[: words.index(_DECORATORS)] if root.decorator_list else words)


def _open(node: Any, shape: _Shape, words: list[str], stack: list[Any]) -> None:
    """Write down a node's name, its plain fields and the lengths of its lists; its children wait on the stack."""
    words.append(shape.name)
    for field in shape.fields:
        value = getattr(node, field)
        kind = value.__class__
        if kind is list:
            words.append(f"[{len(value)}")
            if value:
                stack.extend(reversed(value))
        elif value is None:
            words.append(field)
        elif kind is str:
            words.append(f"={value}")
        else:
            stack.append(value)


def _constant(value: object) -> str:
    """An integer in hexadecimal digits: Python refuses to write very long ones in decimal digits."""
    return f"#{value:x}" if value.__class__ is int else f"#{value!r}"


def _chain(attribute: Any) -> tuple[str, Any]:
    """`.b.c` and the node of `a`, of the attribute `a.b.c`."""
    chain = ""
    while attribute.__class__ is ast.Attribute:
        chain = f".{attribute.attr}{chain}"
        attribute = attribute.value
    return chain, attribute


def _without_docstring(node: Definition) -> Definition:
    if docstring_node(node) is None:
        return node
    bare = copy.copy(node)
    bare.body = node.body[1:]
    return bare


def docstring_node(node: Definition) -> ast.Expr | None:
    """The statement that is a definition's docstring."""
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return first
    return None
