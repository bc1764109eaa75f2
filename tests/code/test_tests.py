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


def test_what_is_no_test_is_rejected_with_a_reason() -> None:
    answer = "assert True\nassert f is not None\nassert f(1)\nclass TestF:\n    def test_x(self): f(1)\ndef test_y(fixture): f(1)"
    split = split_tests(answer, "f")
    assert split.tests == ("assert f(1)",)
    assert [reason for _, reason in split.rejected] == [
        "test does not call the function",
        "test does not call the function",
        "test is a class",
        "test function takes arguments",
    ]
