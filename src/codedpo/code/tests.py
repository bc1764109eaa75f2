"""A model's answer in, single tests out: one assert each, or one test function with its call.

What is left out is named with its reason; a comparison that is printed or stands alone is not taken for a test, since
it does not claim to be true.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codedpo.code.extract import code_blocks, outside_blocks, parse, without_reasoning
from codedpo.code.recover import Statements, read_statements
from codedpo.code.testcase import plain_functions
from codedpo.code.vacuous import vacuous_reason

_BUILTINS = frozenset(dir(builtins)) | {"__name__"}


@dataclass(frozen=True)
class Rejected:
    """A part of an answer that is no test, and why."""

    text: str
    reason: str


@dataclass(frozen=True)
class SplitTests:
    """Tests that can be run alone, what was left out, and the rules that were needed to read the answer."""

    tests: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    repairs: tuple[str, ...] = ()


def split_tests(answer: str, entry_point: str, *, cut: bool = False) -> SplitTests:
    """Split an answer into tests that call `entry_point`.

    A test is a single `assert` (or a loop of them) preceded by the statements that it needs, or a `test_` function
    followed by its call; a `test_` function that holds nothing but asserts is split into them.

    Args:
        cut: the answer ended at the token limit: its last line is not to be trusted, even where it parses.
    """
    said = without_reasoning(answer)
    repairs = ["reasoning stripped"] if said != answer else []
    if cut and not said.endswith("\n"):
        said = said[: said.rfind("\n") + 1]
        repairs.append("unfinished last line dropped")
    found = _split([read_statements(text) for text in code_blocks(said) or [said]], entry_point)
    if not found.tests:
        # Asserts outside the fences, after an implementation that nobody asked for.
        outside = _split([read_statements(outside_blocks(said))], entry_point)
        found = SplitTests(outside.tests, found.rejected, outside.repairs) if outside.tests else found
    return SplitTests(found.tests, found.rejected, tuple(dict.fromkeys((*repairs, *found.repairs))))


def _split(texts: Sequence[Statements], entry_point: str) -> SplitTests:
    splitter = _Splitter(entry_point)
    for statements in texts:
        splitter.read(statements)
    return SplitTests(tuple(splitter.tests), tuple(splitter.rejected), tuple(dict.fromkeys(splitter.repairs)))


class _Splitter:
    """Reads statements one by one; keeps the setup that later tests may need."""

    def __init__(self, entry_point: str):
        self.entry_point = entry_point
        self.tests: list[str] = []
        self.rejected: list[Rejected] = []
        self.repairs: list[str] = []
        self._setup: list[ast.stmt] = []

    def read(self, statements: Statements) -> None:
        before = len(self.tests)
        self._setup = []
        for node in _opened(statements.body):
            self._read(node)
        if len(self.tests) > before:
            self.repairs += statements.repairs

    def _read(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assert):
            self._keep([self._without_message(node)])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            self._read_function(node)
        elif isinstance(node, ast.FunctionDef) and node.name == self.entry_point:
            return  # an implementation that was not asked for must not replace the solution's
        elif isinstance(node, ast.ClassDef) and node.name.lower().startswith("test"):
            self._read_class(node)
        elif isinstance(node, ast.Try | ast.With) and _calls(node, self.entry_point):
            self._reject([node], "test is wrapped in try or with")
        elif isinstance(node, ast.For | ast.While) and _asserts(node):
            self._keep([node])
        elif isinstance(node, ast.Expr) and _calls(node, self.entry_point):
            self._reject([node], "call or comparison without assert")
        elif not _is_call_of(node, ("print", "main")):
            self._setup.append(node)

    def _read_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        if isinstance(node, ast.AsyncFunctionDef) or node.decorator_list:
            self._reject([node], "test function is decorated or a coroutine")
        elif node.args.args or node.args.kwonlyargs:
            self._reject([node], "test function takes arguments")
        elif not _asserts(node):
            self._reject([node], "test asserts nothing")
        elif all(isinstance(statement, ast.Assert) for statement in body):
            for statement in body:
                self._read(statement)
        else:
            self._keep([node, ast.Expr(ast.Call(ast.Name(node.name, ast.Load()), [], []))])

    def _read_class(self, node: ast.ClassDef) -> None:
        functions = plain_functions(node)
        if functions is None:
            self._reject([node], "test is a class")
            return
        self.repairs.append("test class read as functions")
        for function in functions:
            self._read_function(function)

    def _without_message(self, node: ast.Assert) -> ast.Assert:
        if node.msg is None:
            return node
        self.repairs.append("message of an assert dropped")
        return ast.Assert(node.test, None)

    def _keep(self, body: list[ast.stmt]) -> None:
        unit = _with_setup(self._setup, body, self.entry_point)
        reason = vacuous_reason(unit, self.entry_point)
        if reason is None and parse(_text(body)) is None:
            reason = "test does not parse"
        if reason is not None:
            self._reject(body, reason)
            return
        undefined = _undefined(unit, self.entry_point)
        if undefined:
            self._reject(unit, "test uses an undefined name")
            return
        self.tests.append(_text(unit))

    def _reject(self, body: Sequence[ast.stmt], reason: str) -> None:
        self.rejected.append(Rejected(_text(body), reason))


def _opened(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, with those of an `if __name__ == ...` block in its place."""
    for node in body:
        if isinstance(node, ast.If) and any(
            isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
        ):
            yield from node.body
        else:
            yield node


def _with_setup(setup: list[ast.stmt], body: list[ast.stmt], entry_point: str) -> list[ast.stmt]:
    """The statements with just the setup that they use, found backwards."""
    needed = {part.id for node in body for part in ast.walk(node) if isinstance(part, ast.Name)} - {entry_point}
    kept: list[ast.stmt] = []
    for node in reversed(setup):
        if _touches(node) & needed:
            kept.insert(0, node)
            needed |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - {entry_point}
    return [*kept, *body]


def _touches(node: ast.stmt) -> set[str]:
    """Names that a statement binds or, where it is none that only binds, may change."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    only_binds = isinstance(node, ast.Assign | ast.AnnAssign)
    parts = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    return {part.id for part in parts if not only_binds or isinstance(part.ctx, ast.Store)}


def _calls(node: ast.stmt, name: str) -> bool:
    calls = (part.func for part in ast.walk(node) if isinstance(part, ast.Call))
    return any(isinstance(function, ast.Name) and function.id == name for function in calls)


def _asserts(node: ast.stmt) -> bool:
    return any(isinstance(part, ast.Assert) for part in ast.walk(node))


def _is_call_of(node: ast.stmt, names: tuple[str, ...]) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    return (getattr(call.func, "id", "") or getattr(call.func, "attr", "")) in names


def _undefined(body: list[ast.stmt], entry_point: str) -> set[str]:
    """Names that are read but bound nowhere in the test."""
    bound, read = {entry_point}, set[str]()
    for part in (part for node in body for part in ast.walk(node)):
        if isinstance(part, ast.Name):
            (read if isinstance(part.ctx, ast.Load) else bound).add(part.id)
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(part.name)
        elif isinstance(part, ast.arg):
            bound.add(part.arg)
        elif isinstance(part, ast.alias):
            bound.add(part.asname or part.name.split(".")[0])
        elif isinstance(part, ast.ExceptHandler) and part.name:
            bound.add(part.name)
    return set() if "*" in bound else read - bound - _BUILTINS


def _text(body: Sequence[ast.stmt]) -> str:
    return "\n".join(ast.unparse(ast.fix_missing_locations(node)) for node in body)
