import pytest

from codedpo.code.tests import split_tests


def test_asserts_are_single_tests() -> None:
    split = split_tests("```python\nassert f(1) == 2\n# edge\nassert f([]) == []\n```", "f")
    assert split.tests == ("assert f(1) == 2", "assert f([]) == []")


def test_an_unfinished_last_line_is_dropped() -> None:
    assert split_tests("```python\nassert f(1) == 2\nassert f([1, 2", "f").tests == ("assert f(1) == 2",)


def test_setup_goes_with_the_asserts_that_need_it() -> None:
    answer = "import math\nxs = [1, 2]\nother = 3\nassert f(xs) == math.pi\nassert f(0) == 1"
    assert split_tests(answer, "f").tests == ("import math\nxs = [1, 2]\nassert f(xs) == math.pi", "assert f(0) == 1")


def test_a_function_of_asserts_is_split_and_another_is_called() -> None:
    answer = (
        "def test_a():\n    assert f(1) == 1\n    assert f(2) == 2\ndef test_b():\n    y = f(3)\n    assert y == 3\n"
    )
    assert split_tests(answer, "f").tests == (
        "assert f(1) == 1",
        "assert f(2) == 2",
        "def test_b():\n    y = f(3)\n    assert y == 3\ntest_b()",
    )


def test_an_implementation_does_not_come_along() -> None:
    answer = "```python\ndef f(x):\n    assert x > 0\n    return x\nassert f(1) == 1\n```"
    assert split_tests(answer, "f").tests == ("assert f(1) == 1",)


def test_asserts_outside_the_fences_are_found() -> None:
    answer = "```python\ndef f(x):\n    return x\n```\n\nassert f(1) == 1\nassert f(2) =="
    assert split_tests(answer, "f").tests == ("assert f(1) == 1",)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("assert True", "test does not call the function"),
        ("assert f is not None", "test does not call the function"),
        ("def test_y(fixture):\n    assert f(1)", "test function takes arguments"),
        ("@pytest.mark.slow\ndef test_y():\n    assert f(1)", "test function is decorated or a coroutine"),
        ("def test_y():\n    f(1)", "test asserts nothing"),
        ("class TestF:\n    def setUp(self):\n        self.x = 1\n", "test is a class"),
        ("class TestF(TestCase):\n    def test_x(self):\n        self.assertRaises(E, f, 1)", "test is a class"),
        ("print(f(1) == 2)", "call or comparison without assert"),
        ("f(1) == 2", "call or comparison without assert"),
        ("try:\n    assert f(1) == 2\nexcept Exception:\n    pass", "test is wrapped in try or with"),
        ("with pytest.raises(ValueError):\n    f(-1)", "test is wrapped in try or with"),
        ("assert f(n) == n * f(n - 1)", "test uses an undefined name"),
    ],
)
def test_what_is_no_test_is_rejected_with_a_reason(answer: str, reason: str) -> None:
    split = split_tests(f"```python\n{answer}\n```", "f")
    assert split.tests == ()
    assert [rejected.reason for rejected in split.rejected] == [reason]


@pytest.mark.parametrize(
    ("answer", "repairs"),
    [
        ("```python\nassert f(1) == 2\nassert f([]) == 0\n```", ()),
        ("```python\nassert f(1) == 2\nassert f([]) == 0", ()),
        ("Sure!\n\n```\npython\nassert f(1) == 2\nassert f([]) == 0\n```\nThese cover the edges.", ()),
        ("<think>\nassert f(9) == 9, no\n</think>\nassert f(1) == 2\nassert f([]) == 0", ("reasoning stripped",)),
        ("assert f(1) == 2\nassert f([]) == 0\nassert f([1, 2", ("lines that are not Python dropped",)),
        ("Here are the tests:\nassert f(1) == 2\nEdge cases, too:\nassert f([]) == 0", ("lines that are not Python dropped",)),
        ("Ordinary input:\n    assert f(1) == 2\nNothing at all:\n    assert f([]) == 0", ("lines that are not Python dropped",)),
        ("1. assert f(1) == 2\n2. `assert f([]) == 0` - the empty list\n", ("lines that are not Python dropped",)),
        ("* assert f(1) == 2\n* assert f(\n    []\n) == 0", ("lines that are not Python dropped",)),
        ("Tests.\n```python\nassert f(1) == 2\nassert f(: int) == 3\nassert f([]) == 0\n```", ("lines that are not Python dropped",)),
        ("```python\n>>> f(1)\n2\n>>> f([])\n0\n```", ("doctest read as asserts",)),
        (">>> assert f(1) == 2\n>>> assert f([]) == 0\n", ("doctest read as asserts",)),
        ('assert f(1) == 2, "one"\nassert f([]) == 0, f"{f([])}"', ("message of an assert dropped",)),
        ("if __name__ == '__main__':\n    assert f(1) == 2\n    assert f([]) == 0\n    print('ok')", ()),
        (
            "import unittest\nclass TestF(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(f(1), 2)\n"
            "    def test_b(self):\n        self.assertEqual(f([]), 0, 'empty')\nunittest.main()",
            ("test class read as functions",),
        ),
    ],
)  # fmt: skip
def test_near_misses_give_the_same_tests_by_a_named_rule(answer: str, repairs: tuple[str, ...]) -> None:
    split = split_tests(answer, "f")
    assert split.tests == ("assert f(1) == 2", "assert f([]) == 0")
    assert split.repairs == repairs


def test_the_last_line_of_an_answer_cut_at_the_limit_is_dropped_though_it_parses() -> None:
    split = split_tests("assert f(1) == 123\nassert f(2) == 45", "f", cut=True)
    assert split.tests == ("assert f(1) == 123",)
    assert split.repairs == ("unfinished last line dropped",)
    assert len(split_tests("```python\nassert f(1) == 123\n```\n", "f", cut=True).tests) == 1


def test_a_doctest_with_a_result_that_is_no_literal_is_no_test() -> None:
    assert split_tests(">>> f(1)\n<object at 0x7f>\n>>> f(2)\nTraceback (most recent call last):\nE\n", "f").tests == ()


def test_statements_that_build_the_input_come_along() -> None:
    answer = "big = []\nfor i in range(100):\n    big.append(i)\nbig.sort()\nassert f(big) == 99\nassert f([]) == 0"
    assert split_tests(answer, "f").tests == (
        "big = []\nfor i in range(100):\n    big.append(i)\nbig.sort()\nassert f(big) == 99",
        "assert f([]) == 0",
    )


def test_a_loop_of_asserts_is_one_test() -> None:
    loop = "for x, y in [(1, 2), (3, 4)]:\n    assert f(x) == y"
    assert split_tests(loop, "f").tests == (loop,)


@pytest.mark.parametrize(
    "answer", ["", "I cannot.", "```python\n```", "<think>assert f(1) == 1", "\x00", "assert " * 3000]
)
def test_no_test_gives_none(answer: str) -> None:
    assert split_tests(answer, "f").tests == ()
