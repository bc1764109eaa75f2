"""Asserts read as calls: what each says, and what is left to be run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from codedpo.benchmarks import Problem
from codedpo.benchmarks.asserts import Asserts, Vocabulary, checked_asserts, read_asserts
from codedpo.benchmarks.humaneval import HumanEval
from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.literals import UnclearError, literal
from codedpo.benchmarks.oracle import Oracle
from codedpo.sandbox import Limits, Sandbox

STATEMENTS = ["HumanEval/32", "HumanEval/33", "HumanEval/38", "HumanEval/44", "HumanEval/50", "HumanEval/53",
              "HumanEval/151"]  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(memory_mb=512)) as opened:
        yield opened


def read(text: str, vocabulary: Vocabulary = Vocabulary()) -> Asserts | None:
    return read_asserts(ast.parse(text).body, "f", "f", vocabulary)


def value_of(text: str) -> Any:
    return literal(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    "text",
    ["[1, (2.5, 'x'), {3}, {4: None}]", "-1", "+1e9", "[1, 2] * 3", "2**31 - 1", "'ab' * 2 + 'c'", "[0**0, 7 // 2, 7 % 2]",
     "float('-inf')", "set([1, 2])", "set()", "tuple('ab')", "1.0 / 3", "b'x'", "2j"],
)  # fmt: skip
def test_expressions_of_literals_have_the_value_that_python_gives_them(text: str) -> None:
    expected = {"float('-inf')": float("-inf"), "[0**0, 7 // 2, 7 % 2]": [1, 3, 1]}
    constants = {"float": float, "set": set, "tuple": tuple}
    assert value_of(text) == expected.get(text, eval(text, {"__builtins__": constants}))


@pytest.mark.parametrize(
    "text",
    ["x", "f(1)", "[x]", "float('nan')", "1e999 - 1e999", "10**10**10", "'a' * 10**10", "'%d' % 1", "1 / 0", "{**{}}", "[*[1]]",
     "f'{1}'", "[i for i in [1]]", "{[]: 1}", "lambda: 1", "'a' + 1", "..."],
)  # fmt: skip
def test_what_is_no_certain_value_is_refused(text: str) -> None:
    with pytest.raises(UnclearError):
        value_of(text)


@dataclass(frozen=True)
class Judged:
    """An assert, and expressions that it lets pass and that it does not."""

    text: str
    name: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]


@pytest.mark.parametrize(
    "case",
    [
        Judged("assert f(1) == 2, str(f(1))", "equal", ("2", "2.0"), ("2.0000001", "'2'", "None", "f")),
        Judged("assert 2 == f(1)", "equal", ("2",), ("3",)),
        Judged("assert f(1) == [0.5]", "equal", ("[0.5]",), ("[0.50000001]", "(0.5,)", "0.5")),
        Judged("assert f(1) is True", "is", ("True",), ("1", "1.0", "'x'")),
        Judged("assert f(1) is None", "is", ("None",), ("0", "False")),
        Judged("assert f(1)", "truth", ("True", "7", "f", "[0]"), ("0", "[]", "None")),
        Judged("assert not f(1)", "truth", ("False", "0", "''"), ("True", "f")),
        Judged("assert abs(f(1) - 1.5) < 1e-6", "nearer 1e-06", ("1.5", "1.5000009"), ("1.500002", "'x'", "None")),
        Judged("assert abs(2 - f(1)) <= 1", "near 1", ("1", "3"), ("0.9", "4")),
        Judged("import math\nassert math.isclose(f(1), 100.0, rel_tol=0.01)", "isclose 0.01", ("100", "99.5"), ("98", "[]")),
        Judged("assert set(f(1)) == set([1, 2])", "set", ("[2, 1, 1]", "{1, 2}"), ("[1]", "7", "range(10**12)")),
        Judged("assert tuple(f(1)) == (1, 2)", "tuple", ("[1, 2]", "(1, 2)"), ("[2, 1]",)),
        Judged("assert sorted(f(1)) == [1, 2]", "sorted", ("[2, 1]",), ("[1]",)),
    ],
    ids=lambda case: case.text,
)  # fmt: skip
def test_an_assert_lets_pass_what_python_lets_pass(case: Judged, sandbox: Sandbox, tmp_path: Path) -> None:
    asserts = read(case.text)
    assert asserts is not None and [inputs.name for inputs in asserts.inputs] == [case.name.split()[0]]
    problem = Problem("t/1", "", "f", f"def f(x):\n    return {case.right[0]}", inputs=asserts.inputs)
    oracle = Oracle(tmp_path)
    assert oracle.prepare([problem], sandbox) == {}
    programs = [f"def f(x):\n    return {text}" for text in (*case.right, *case.wrong)]
    found = judge([(problem, program) for program in programs], sandbox, oracle)
    assert [judgement.passed for judgement in found] == [True] * len(case.right) + [False] * len(case.wrong)


@pytest.mark.parametrize(
    "text",
    ["x = 1\nassert f(x) == 1", "assert f(1) == g(1)", "assert f(1) == f(1)", "assert f(*[1]) == 1", "assert f(**{}) == 1",
     "assert f(1) != 2", "assert f(1) == 1 == 1", "assert f(1) in [1]", "assert f(1) and f(2)", "assert False", "assert g(1) == 1",
     "for x in [1]:\n    assert f(1) == 1", "assert abs(f(1) - 1) < 0", "assert f(1) is 2", "assert f(1) == float('nan')",
     "assert sorted(f(1)) == [2, 1]", "assert tuple(f(1)) == [1]", "assert round(f(1), 2) == 1.5", "import os\nassert f(1) == 1",
     "assert math.isclose(f(1), 1, rel_tol=x)", "assert f(1) == 1\nassert f(x=1) == 1", "print(1)\nassert f(1) == 1", "assert True"],
)  # fmt: skip
def test_one_statement_that_is_not_certain_leaves_all_to_be_run(text: str) -> None:
    assert read(f"assert f(0) == 0\n{text}" if text != "assert True" else text) is None


def test_what_says_nothing_is_left_out() -> None:
    asserts = read("'a text'\nassert True, 'this'\nprint\npass\nimport math\nassert f(1) == 2\nassert f(3) == 4")
    assert asserts is not None
    (inputs,) = asserts.inputs
    assert (inputs.arguments, inputs.expected) == (((1,), (3,)), (2, 4))


def test_named_arguments_come_as_one_dict_and_may_be_made_by_the_program(sandbox: Sandbox, tmp_path: Path) -> None:
    vocabulary = Vocabulary({"inf": float("inf")}, frozenset({"made"}))
    test = "def check(candidate):\n    assert candidate(x = [1, 2], y = made(3)) == -inf"
    asserts = checked_asserts(test, "Solution().g", vocabulary)
    assert asserts is not None
    assert asserts.function == "(lambda f: lambda named: f(**{**named, 'y': made(named['y'])}))(Solution().g)"
    assert asserts.inputs[0].arguments == (({"x": [1, 2], "y": 3},),)
    program = (
        "def made(x):\n    return {x}\n"
        "class Solution:\n    def g(self, x, y):\n        return -float('inf') if (x, y) == ([1, 2], {3}) else 0"
    )
    problem = Problem("t/1", "", "Solution", program, inputs=asserts.inputs, function=asserts.function)
    assert Oracle(tmp_path).prepare([problem], sandbox) == {}
    assert checked_asserts(test, "Solution().g") is None
    assert checked_asserts("def check(other):\n    assert other(1) == 1", "f") is None


def test_humaneval_is_judged_outside_but_for_seven_problems() -> None:
    problems = HumanEval().problems()
    assert [problem.id for problem in problems if problem.test] == STATEMENTS
    assert all(bool(problem.test) != bool(problem.inputs) for problem in problems)
    assert sum(len(inputs.arguments) for problem in problems for inputs in problem.inputs) == 1103
    assert all(problem.test and not problem.inputs for problem in HumanEval(by_statements=True).problems())
