"""A program in, the same program in disguise out."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable

from codedpo.code.normal import normal_form


def verbatim(code: str) -> str:
    return code


def wider(code: str) -> str:
    """Other indentation, blank lines, and spaces around brackets; literals stay."""
    lines = code.splitlines(keepends=True)
    tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    for token in reversed(tokens):
        row, column = token.start
        if token.string in ("(", ")"):
            lines[row - 1] = f"{lines[row - 1][:column]} {token.string} {lines[row - 1][column + 1 :]}"
    indented = [" " * (len(line) - len(line.lstrip())) + line for line in "".join(lines).expandtabs(4).splitlines()]
    return "\n\n".join(indented)


def stripped(code: str) -> str:
    """Written anew without comments and docstrings."""
    return normal_form(code)


def renamed(code: str) -> str:
    """Without comments and docstrings, and every name that the program binds replaced by another."""
    return ast.unparse(_Renaming(ast.parse(normal_form(code))).tree)


def reheaded(code: str) -> str:
    """Without comments and docstrings; each function and its parameters under other names, annotations dropped."""
    tree = ast.parse(normal_form(code))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                argument.annotation = None
    return ast.unparse(_Renaming(tree, headers_only=True).tree)


def inside(code: str) -> str:
    """Between other functions."""
    return f"import math\n\ndef before(radius):\n    return math.pi * radius\n\n{code}\n\ndef after(rows):\n    return rows[::-1]\n"


DISGUISES: tuple[Callable[[str], str], ...] = (verbatim, wider, stripped, renamed, reheaded, inside)


class _Renaming(ast.NodeTransformer):
    def __init__(self, tree: ast.Module, headers_only: bool = False) -> None:
        names: dict[str, str] = {}
        for node in ast.walk(tree):
            bound = (
                node.arg if isinstance(node, ast.arg)
                else node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and not headers_only
                else node.name if isinstance(node, ast.FunctionDef)
                else ""
            )  # fmt: skip
            if bound and bound != "self" and not bound.startswith("__"):
                names.setdefault(bound, f"other_{len(names)}")
        self.names = names
        self.tree = self.visit(tree)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self.names.get(node.arg, node.arg)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.name = self.names.get(node.name, node.name)
        return self.generic_visit(node)
