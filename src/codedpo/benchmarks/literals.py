"""A syntax tree in, the plain value that it writes down out: literals, and arithmetic on them; nothing is executed."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

_MOST_ITEMS = 10_000_000
_MOST_BITS = 100_000
_NUMBERS = (int, float, complex)
_SEQUENCES = (str, bytes, list, tuple)
_CONSTANTS = (int, float, complex, str, bytes, type(None))
_MADE: dict[str, Callable[..., Any]] = {
    "set": set, "frozenset": frozenset, "tuple": tuple, "list": list, "float": float,
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b, ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b, ast.Mod: lambda a, b: a % b, ast.Pow: lambda a, b: a**b,
}  # fmt: skip


class UnclearError(ValueError):
    """What code says cannot be told for certain without running it."""


def literal(node: ast.expr, names: Mapping[str, Any] = MappingProxyType({})) -> Any:
    """The value of an expression of literals, such as `[1] * 100`, `-1e9`, `2**31`, `float("inf")` or `set([1])`.

    Args:
        names: what names stand for.

    Raises:
        UnclearError: it is something else, not a number (nan equals nothing), or too large.
    """
    try:
        return _value(node, names)
    except UnclearError:
        raise
    except (ArithmeticError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise UnclearError(f"{type(error).__name__}: {error}") from error


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    value = _read(node, names)
    if isinstance(value, float | complex) and value != value:
        raise UnclearError("not a number")
    return value


def _read(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant() if isinstance(node.value, _CONSTANTS):
            return node.value
        case ast.Name() if node.id in names:
            return names[node.id]
        case ast.List() | ast.Tuple() | ast.Set():
            kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
            return kind([_value(item, names) for item in node.elts])
        case ast.Dict():
            pairs = zip(node.keys, node.values, strict=True)
            return {_value(_known(key), names): _value(value, names) for key, value in pairs}
        case ast.UnaryOp() if type(node.op) in _UNARY:
            return _UNARY[type(node.op)](_value(node.operand, names))
        case ast.BinOp() if type(node.op) in _BINARY:
            return _calculated(type(node.op), _value(node.left, names), _value(node.right, names))
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _MADE and len(node.args) <= 1:
            return _MADE[name](*[_value(item, names) for item in node.args])
        case _:
            raise UnclearError(f"no literal: {type(node).__name__}")


def _known(key: ast.expr | None) -> ast.expr:
    if key is None:
        raise UnclearError("a dict is unpacked")
    return key


def _calculated(kind: type[ast.operator], left: Any, right: Any) -> Any:
    if isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS):
        if kind is ast.Pow and isinstance(left, int) and left.bit_length() * abs(right) > _MOST_BITS:
            raise UnclearError("too large a number")
    elif kind is ast.Mult:
        _require_small(left, right)
    elif not (kind is ast.Add and type(left) is type(right) and isinstance(left, _SEQUENCES)):
        raise UnclearError("no arithmetic of numbers")
    return _BINARY[kind](left, right)


def _require_small(left: Any, right: Any) -> None:
    """Of a sequence that is repeated."""
    items, times = (right, left) if isinstance(left, int) else (left, right)
    if not isinstance(items, _SEQUENCES) or not isinstance(times, int):
        raise UnclearError("no arithmetic of numbers")
    if len(cast("list[Any]", items)) * times > _MOST_ITEMS:
        raise UnclearError("too long a sequence")


def is_finite(value: Any) -> bool:
    """Whether this is a real number that is not infinite."""
    return isinstance(value, int | float) and math.isfinite(value)
