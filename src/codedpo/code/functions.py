"""A Python file's text in, its top-level functions out, with the facts that the rules for seeds ask about."""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from codedpo.code.names import Scope, resolved_names, scope_of
from codedpo.code.walk import DEFINITIONS, Walked, docstring_node, walk


@dataclass(frozen=True, eq=False)
class Module:
    """What the functions of one file share."""

    lines: Sequence[str]
    tree: ast.Module

    @cached_property
    def scope(self) -> Scope:
        return scope_of(self.tree.body)


@dataclass(frozen=True, eq=False)
class Function:
    """One top-level function; a fact is worked out when it is asked for first, the costly ones in one walk."""

    node: ast.FunctionDef
    module: Module

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def line(self) -> int:
        """Number of the line with its `def`."""
        return self.node.lineno

    @cached_property
    def code(self) -> str:
        """Its lines, from `def` to the end; decorators are left out."""
        return "\n".join(self.module.lines[self.node.lineno - 1 : self.node.end_lineno]).lstrip("\f")

    @cached_property
    def docstring(self) -> str:
        """Cleaned of its indentation; halves of surrogate pairs, which no file can hold, become question marks."""
        return (ast.get_docstring(self.node) or "").encode("utf-8", "replace").decode()

    @property
    def arguments(self) -> int:
        """How many it takes, of any kind; `*args` and `**kwargs` count as one each."""
        taken = self.node.args
        named = len(taken.posonlyargs) + len(taken.args) + len(taken.kwonlyargs)
        return named + (taken.vararg is not None) + (taken.kwarg is not None)

    @cached_property
    def code_lines(self) -> int:
        """Number of lines of code: without docstring, blank lines and lines with a comment only."""
        return _count_lines(self.node, self.module.lines)

    @cached_property
    def returns_value(self) -> bool:
        """A `return` with a value other than `None` in the function itself, not in one nested in it."""
        return _returns_value(self.node.body)

    @cached_property
    def uses(self) -> tuple[str, ...]:
        """Dotted names of what it uses from other modules, such as `os.path.join`; builtins as `builtins.open`."""
        walked = self._walked
        return resolved_names(walked.free | walked.chains, walked.imports, self.module.scope)

    @property
    def nodes(self) -> int:
        """Size of its syntax tree."""
        return len(self._walked.words)

    @cached_property
    def fingerprint(self) -> int:
        """64 bits; equal for functions that differ in layout, comments, docstrings or decorators only."""
        text = "\0".join(self._walked.words).encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")

    @cached_property
    def _walked(self) -> Walked:
        return walk(self.node)


def parse_file(text: str) -> ast.Module | None:
    """The syntax tree, or None where this is not Python of this version."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def plain_lines(text: str) -> str:
    """The text without a byte order mark and with `\\n` as its only line end, as Python counts lines."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def functions(text: str, tree: ast.Module) -> Iterator[Function]:
    """The functions that the module itself defines, in order.

    Args:
        text: what `tree` was parsed from, with `\\n` as its only line end.
    """
    module = Module(text.split("\n"), tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield Function(node, module)


def _count_lines(node: ast.FunctionDef, lines: Sequence[str]) -> int:
    docstring = docstring_node(node)
    skipped = range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1) if docstring else range(0)
    count = 0
    for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
        line = lines[number - 1].lstrip()
        count += bool(line) and line[0] != "#" and number not in skipped
    return count


def _returns_value(body: Sequence[ast.stmt]) -> bool:
    statements: list[ast.AST] = list(body)
    while statements:
        node = statements.pop()
        if isinstance(node, ast.Return) and not _is_none(node.value):
            return True
        if not isinstance(node, DEFINITIONS):
            for block in ("body", "orelse", "finalbody", "handlers", "cases"):
                statements += getattr(node, block, ())
    return False


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)
