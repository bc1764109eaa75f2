"""Tests that cannot tell a right function from a wrong one are named with their reason."""

import ast

import pytest

from codedpo.code.tests import split_tests
from codedpo.code.vacuous import vacuous_reason


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ("assert True", "test does not call the function"),
        ("assert f is not None", "test does not call the function"),
        ("assert callable(f) and f.__name__ == 'f'", None),  # hands it on: the stubs tell
        ("f(1)\nassert True", "no assertion depends on the function"),
        ("f(1)\nassert f is not None", "no assertion depends on the function"),
        ("def test():\n    f(1)\n    assert 1 + 1 == 2\ntest()", "no assertion depends on the function"),
        ("result = f(1)\nassert len([1]) == 1", "no assertion depends on the function"),
        ("assert (f(1) == 2, 'message')", "the assertion is always true"),
        ("assert f(1) == f(1)", "the assertion is always true"),
        ("assert f(1) == 2 or True", "the assertion is always true"),
        ("f = lambda x: 2\nassert f(1) == 2", "test redefines the function"),
        ("def test():\n    def f(x): return 2\n    assert f(1) == 2\ntest()", "test redefines the function"),
        ("def test():\n    from solution import f\n    assert f(1) == 2\ntest()", "test redefines the function"),
        ("for f in [abs]:\n    assert f(1) == 1", "test redefines the function"),
    ],
)
def test_a_test_that_tests_nothing_has_a_reason(test: str, reason: str | None) -> None:
    assert vacuous_reason(ast.parse(test).body, "f") == reason


@pytest.mark.parametrize(
    "test",
    [
        "assert f(1) == 2",
        "assert f(1) is not None",
        "result = f(1)\nassert result == 2",
        "numbers = [3, 1]\nf(numbers)\nassert numbers == [1, 3]",
        "def check(x):\n    return f(x) == 2\nassert check(1)",
        "total = 0\nfor x in range(3):\n    total += f(x)\nassert total == 6",
        "assert [f(x) for x in (1, 2)] == [2, 3]",
        "assert list(map(f, [1, 2])) == [2, 3]",
        "assert f(f(1)) == f(2)",
        "assert f(1) == 2 and True",
        "found = []\nfound.append(f(1))\nassert found == [2]",
        "try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass",
        "raised = False\ntry:\n    f(-1)\nexcept ValueError:\n    raised = True\nassert raised",
        "for x in (1, 2):\n    if f(x) != x + 1:\n        assert False",
        "out = {}\nout['a'] = f(1)\nassert out == {'a': 2}",
        "counts = {2: 0}\ncounts[f(1)] += 1\nassert counts == {2: 1}",
        "g = f\nassert g(1) == 2",
        "assert f([1]) is f([1])",
        "a, *b = f(1)\nassert b == []",
    ],
)
def test_a_test_that_depends_on_the_function_is_none_of_these(test: str) -> None:
    assert vacuous_reason(ast.parse(test).body, "f") is None


def test_an_answer_in_two_steps_is_a_test_and_a_redefinition_is_none() -> None:
    found = split_tests("```python\nresult = f(1)\nassert result == 2\nassert True\nassert f is not None\n```", "f")
    assert found.tests == ("result = f(1)\nassert result == 2",)
    assert [part.reason for part in found.rejected] == ["test does not call the function"] * 2
