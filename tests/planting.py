"""Problems of benchmarks, and a program in, the same program in disguise out."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable
from dataclasses import dataclass

from codedpo.code.normal import normal_form


@dataclass(frozen=True)
class Planted:
    """One problem of a benchmark, as it is published."""

    item: str
    name: str
    text: str
    solution: str


PLANTED = (
    Planted(
        "HumanEval/0",
        "has_close_elements",
        "Check if in given list of numbers, are any two numbers closer to each other than\n    given threshold.",
        "from typing import List\n\n\ndef has_close_elements(numbers: List[float], threshold: float) -> bool:\n"
        "    for idx, elem in enumerate(numbers):\n        for idx2, elem2 in enumerate(numbers):\n"
        "            if idx != idx2:\n                distance = abs(elem - elem2)\n"
        "                if distance < threshold:\n                    return True\n\n    return False\n",
    ),
    Planted(
        "HumanEval/106",
        "f",
        "Implement the function f that takes n as a parameter,\n    and returns a list of size n, such that the value of"
        " the element at index i is the factorial of i if i is even\n    or the sum of numbers from 1 to i otherwise.",
        "def f(n):\n    ret = []\n    for i in range(1,n+1):\n        if i%2 == 0:\n            x = 1\n"
        "            for j in range(1,i+1): x *= j\n            ret += [x]\n        else:\n            x = 0\n"
        "            for j in range(1,i+1): x += j\n            ret += [x]\n    return ret\n",
    ),
    Planted(
        "Mbpp/20",
        "is_woodall",
        "Write a function to check if the given number is woodball or not.",
        "def is_woodall(x): \n\tif (x % 2 == 0): \n\t\treturn False\n\tif (x == 1): \n\t\treturn True\n\tx = x + 1 \n\tp = 0\n"
        "\twhile (x % 2 == 0): \n\t\tx = x/2\n\t\tp = p + 1\n\t\tif (p == x): \n\t\t\treturn True\n\treturn False\n",
    ),
)


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


def commented(code: str) -> str:
    """With a comment above every line and behind it."""
    lines = [line for line in code.splitlines() if line.strip()]
    return "\n".join(f"# {number} steps\n{line}  # so far" for number, line in enumerate(lines))


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


DISGUISES: tuple[Callable[[str], str], ...] = (verbatim, wider, commented, stripped, renamed, reheaded, inside)


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
