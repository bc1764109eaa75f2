"""Assert statements in, calls and what each must give out: read from the syntax tree, never executed.

A test that is read whole is judged outside the program's process, where what is expected cannot be had; one statement
that cannot be read with certainty leaves the whole test to be run as it is. Read are `assert f(1, 2) == [3]`,
`assert f(a=1) is None`, `assert f(1)`, `assert not f(1)`, `assert abs(f(1) - 0.5) < 1e-6`,
`assert math.isclose(f(1), 0.5, rel_tol=1e-3)`, `assert set(f(1)) == {2}` and the like; what says nothing about the
function (`assert True`, texts, `import math`) is left out.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codedpo.benchmarks.literals import UnclearError, is_finite, literal
from codedpo.benchmarks.problem import InputSet
from codedpo.benchmarks.rules import Rule
from codedpo.code.syntax import syntax_tree

_MADE = ("set", "tuple", "list", "sorted")
"""Built-in functions that an assert may compare the value of."""
_USUAL_TOLERANCES = {"rel_tol": 1e-9, "abs_tol": 0.0}
"""Of `math.isclose`."""
_EQUAL = Rule(compare="equal")
_SECONDS = 3.0
"""Of a whole test upstream, in HumanEval, MBPP and LeetCodeDataset; here of each call, at least."""


@dataclass(frozen=True)
class Vocabulary:
    """What names stand for in a benchmark's asserts."""

    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of constants, such as `inf`."""
    makers: frozenset[str] = frozenset()
    """Functions of the program that make an argument of plain data, such as `tree_node`."""


@dataclass(frozen=True)
class _Call:
    """One call of the function."""

    given: tuple[Any, ...]
    named: Mapping[str, Any]
    makers: Mapping[str, str]
    """By name of an argument: the function that makes it of what is given."""


@dataclass(frozen=True)
class _Asserted:
    """What one assert says."""

    call: _Call
    expected: Any
    rule: Rule


@dataclass(frozen=True)
class Asserts:
    """A test as calls and what they must give."""

    function: str
    """An expression that gives what is called; see `Problem.function`."""
    inputs: tuple[InputSet, ...]
    """One set for each way to compare, named after it; in the order of the test."""


def checked_asserts(test: str, function: str, vocabulary: Vocabulary = Vocabulary()) -> Asserts | None:
    """A test that is a module with a function such as `check(candidate)`, the last one; None: it must be run.

    Args:
        function: an expression that gives what is tested.
    """
    body = syntax_tree(test).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    if any(isinstance(node, ast.Assert) for node in body):
        return None
    if not functions or [argument.arg for argument in functions[-1].args.args] != ["candidate"]:
        return None
    return read_asserts(functions[-1].body, "candidate", function, vocabulary)


def read_asserts(
    statements: Iterable[ast.stmt], name: str, function: str, vocabulary: Vocabulary = Vocabulary()
) -> Asserts | None:
    """Statements as calls of one function; None where they must be run.

    Args:
        name: what the statements call.
        function: an expression that gives it.
    """
    reader = _Reader(name, vocabulary)
    try:
        found = [reader.asserted(node) for node in statements if not reader.is_idle(node)]
    except (UnclearError, RecursionError):
        return None
    called = _function([asserted.call for asserted in found], function) if found else None
    return None if called is None else Asserts(called, _input_sets(found))


def _function(calls: Sequence[_Call], function: str) -> str | None:
    """What is called with the arguments, or with one dict of them where they are named; None: some are, some not."""
    if not any(call.named for call in calls):
        return function
    if any(call.given or call.makers != calls[0].makers for call in calls):
        return None
    made = "".join(f", {name!r}: {maker}(named[{name!r}])" for name, maker in calls[0].makers.items())
    arguments = f"{{**named{made}}}" if made else "named"
    return f"(lambda f: lambda named: f(**{arguments}))({function})"


def _input_sets(found: Sequence[_Asserted]) -> tuple[InputSet, ...]:
    rules = dict.fromkeys(asserted.rule for asserted in found)
    names = [rule.compare for rule in rules]
    return tuple(
        _input_set(
            rule.compare if names.count(rule.compare) == 1 else f"{rule.compare} {place}",
            [asserted for asserted in found if asserted.rule == rule],
        )
        for place, rule in enumerate(rules, 1)
    )


def _input_set(name: str, found: Sequence[_Asserted]) -> InputSet:
    arguments = tuple((dict(said.call.named),) if said.call.named else said.call.given for said in found)
    return InputSet(name, arguments, found[0].rule, tuple(said.expected for said in found), seconds=_SECONDS)


class _Reader:
    """Reads statements about one function."""

    def __init__(self, name: str, vocabulary: Vocabulary):
        self._name, self._vocabulary = name, vocabulary

    def is_idle(self, node: ast.stmt) -> bool:
        """Whether a statement says nothing: `assert True`, a text, a built-in's name alone, `import math`, `pass`."""
        match node:
            case ast.Assert():
                return isinstance(node.test, ast.Constant) and bool(node.test.value)
            case ast.Expr(value=ast.Name(id=name)):
                return hasattr(builtins, name)
            case ast.Import(names=[ast.alias(name="math", asname=None)]):
                return True
            case _:
                return isinstance(node, ast.Pass) or (
                    isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
                )

    def asserted(self, node: ast.stmt) -> _Asserted:
        """What an assert says.

        Raises:
            UnclearError: it cannot be read with certainty.
        """
        if not isinstance(node, ast.Assert):
            raise UnclearError("no assert")
        match node.test:
            case ast.Compare(ops=[ast.Eq()], comparators=[right]):
                return self._equal(node.test.left, right)
            case ast.Compare(ops=[ast.Is()], comparators=[ast.Constant(value=True | False | None) as right]):
                return _Asserted(self._call(node.test.left), right.value, Rule(compare="is"))
            case ast.Compare(ops=[ast.Lt() | ast.LtE() as op], comparators=[right]):
                return self._near(node.test.left, right, "nearer" if isinstance(op, ast.Lt) else "near")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _Asserted(self._call(operand), False, Rule(compare="truth"))
            case ast.Call() if ast.unparse(node.test.func) == "math.isclose":
                return self._close(node.test)
            case _:
                return _Asserted(self._call(node.test), True, Rule(compare="truth"))

    def _equal(self, left: ast.expr, right: ast.expr) -> _Asserted:
        if not self._is_about(left):
            left, right = right, left
        wanted = self._literal(right)
        match left:
            case ast.Call(func=ast.Name(id=made), args=[inner], keywords=[]) if made in _MADE and made != self._name:
                rule = Rule(compare=made)
                if not rule.is_same(wanted, wanted, (), 0):
                    raise UnclearError(f"{made} gives no such value")
                return _Asserted(self._call(inner), wanted, rule)
            case _:
                return _Asserted(self._call(left), wanted, _EQUAL)

    def _near(self, left: ast.expr, right: ast.expr, compare: str) -> _Asserted:
        match left:
            case ast.Call(func=ast.Name(id="abs"), args=[ast.BinOp(op=ast.Sub()) as difference], keywords=[]):
                one, other = difference.left, difference.right
                one, other = (one, other) if self._is_about(one) else (other, one)
                wanted, atol = self._number(other), self._number(right)
                if atol <= 0:
                    raise UnclearError("no tolerance")
                return _Asserted(self._call(one), wanted, Rule(compare=compare, atol=atol))
            case _:
                raise UnclearError("no comparison with a tolerance")

    def _close(self, node: ast.Call) -> _Asserted:
        if len(node.args) != 2 or any(keyword.arg not in _USUAL_TOLERANCES for keyword in node.keywords):
            raise UnclearError("no usual call of math.isclose")
        one, other = node.args if self._is_about(node.args[0]) else reversed(node.args)
        stated = {str(keyword.arg): self._number(keyword.value) for keyword in node.keywords}
        if min(stated.values(), default=0) < 0:
            raise UnclearError("no tolerance")
        tolerances = _USUAL_TOLERANCES | stated
        rule = Rule(compare="isclose", rtol=tolerances["rel_tol"], atol=tolerances["abs_tol"])
        return _Asserted(self._call(one), self._number(other), rule)

    def _call(self, node: ast.expr) -> _Call:
        match node:
            case ast.Call(func=ast.Name(id=name)) if name == self._name:
                pass
            case _:
                raise UnclearError("no call of the function")
        named: dict[str, Any] = {}
        makers: dict[str, str] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                raise UnclearError("arguments are unpacked")
            match keyword.value:
                case ast.Call(func=ast.Name(id=maker), args=[content], keywords=[]) if maker in self._vocabulary.makers:
                    makers[keyword.arg] = maker
                case content:
                    pass
            named[keyword.arg] = self._literal(content)
        return _Call(tuple(map(self._literal, node.args)), named, makers)

    def _is_about(self, node: ast.expr) -> bool:
        return any(isinstance(part, ast.Name) and part.id == self._name for part in ast.walk(node))

    def _literal(self, node: ast.expr) -> Any:
        return literal(node, self._vocabulary.values)

    def _number(self, node: ast.expr) -> float:
        value = self._literal(node)
        if not is_finite(value):
            raise UnclearError("no number")
        return value
