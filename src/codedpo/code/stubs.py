"""A signature in, a panel of functions that do no work out: a test that most of them pass is trivial.

Each stub returns one value of the annotated type, whatever it is given, or its first argument where the types allow it.
`assert isinstance(f([1]), list)` is passed by all of a panel, `assert f([]) == []` by some: that is a good test, so a
test is not judged by any single stub.
"""

from __future__ import annotations

import ast

from codedpo.code.syntax import syntax_tree

_VALUES: dict[str, tuple[str, ...]] = {
    "bool": ("True", "False"),
    "int": ("0", "1", "-1", "17"),
    "float": ("0.0", "1.0", "-1.0", "17.5"),
    "str": ("''", "'a'", "'Hello, world'"),
    "list": ("[]", "[0]", "[1, 2, 3]", "['a', 'b']"),
    "tuple": ("()", "(0,)", "(1, 2)", "('a', 'b')"),
    "set": ("set()", "{0}", "{1, 2, 3}"),
    "dict": ("{}", "{0: 0}", "{'a': 1}"),
    "None": ("None",),
}
_ANY = ("None", "False", "1", "''", "'a'", "[]", "[0]", "()", "{}")
_FIRST = "arguments[0]"
_CHANGES = ("clear()", "reverse()", "append(0)", "pop()")


def stub_panel(signature: str) -> tuple[str, ...]:
    """Programs, each with a stub of the function.

    Args:
        signature: one line such as `def f(words: list[str]) -> int:`.
    """
    header = syntax_tree(f"{signature.rstrip().rstrip(':')}: pass").body[0]
    assert isinstance(header, ast.FunctionDef)
    kinds = _kinds(header.returns)
    values = [value for kind in kinds for value in _VALUES.get(kind, ())] or list(_ANY)
    first = next(iter((*header.args.posonlyargs, *header.args.args)), None)
    if first is not None and set(_kinds(first.annotation)) & set(kinds):
        values.append(_FIRST)
    bodies = [f"return {value}" for value in values]
    if kinds == ("None",):  # what such a function does, it does to its arguments
        bodies += [f"{_FIRST}.{change}" for change in _CHANGES]
    return tuple(f"def {header.name}(*arguments, **named):\n    {body}\n" for body in bodies)


def _kinds(annotation: ast.expr | None) -> tuple[str, ...]:
    """Names of the types that an annotation allows, without what they contain; `Optional[int]` gives int and None."""
    if isinstance(annotation, ast.BinOp):
        return (*_kinds(annotation.left), *_kinds(annotation.right))
    if isinstance(annotation, ast.Subscript):
        outer = _kinds(annotation.value)
        if outer == ("optional",):
            return (*_kinds(annotation.slice), "None")
        if outer == ("union",) and isinstance(annotation.slice, ast.Tuple):
            return tuple(kind for part in annotation.slice.elts for kind in _kinds(part))
        return outer
    if isinstance(annotation, ast.Constant):
        return ("None",) if annotation.value is None else ()
    name = annotation.id if isinstance(annotation, ast.Name) else getattr(annotation, "attr", "")
    return (name.lower() if name.lower() in (*_VALUES, "optional", "union") else name,) if name else ()
