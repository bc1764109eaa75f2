import pytest

from codedpo.code.extract import code_blocks, extract, extract_program


@pytest.mark.parametrize(
    "answer",
    [
        "```python\ndef f(x):\n    return x\n```",
        "```\npython\ndef f(x):\n    return x\n```",
        "Sure!\n```py\ndef f(x):\n    return x\n```\nThis returns x.",
        "def f(x):\n    return x",
        "Here it is:\ndef f(x):\n    return x\nIt returns x. So simple",
        "```python\ndef f(x):\n    return x\n",
        "  ```python\n  def f(x):\n      return x\n  ```",
        "```python\ndef f(x):\n    return x\n\nprint(f(1))\nassert f(1) == 1\ny = f(2)\nprint(y)\n```",
        "```python\ndef f(x):\n    return x\n\nif __name__ == '__main__':\n    f(3)\n```",
        "```python\ndef f(x):\n    return x\ndef g(x):\n    return x +\n```",
    ],
)
def test_the_program_is_found(answer: str) -> None:
    program = extract_program(answer, "f")
    assert program is not None
    assert program.strip() == "def f(x):\n    return x"


def test_module_statements_decorators_and_guarded_imports_stay() -> None:
    code = (
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None\nimport functools\nLIMIT = 3\n"
        "@functools.cache\ndef f(x):\n    # why\n    return g(x) + LIMIT\ndef g(x):\n    return x\nTABLE = {}\n"
    )
    assert extract_program(f"```python\n{code}```", "f") == code


def test_the_last_block_that_defines_the_function_wins() -> None:
    answer = "```python\ndef f():\n    return 1\n```\nBetter:\n```python\ndef f():\n    return 2\n```\nUse:\n```python\nf()\n```"
    assert extract_program(answer, "f") == "def f():\n    return 2\n"


def test_blocks_that_need_each_other_are_joined() -> None:
    answer = "```python\nimport math\n```\nand\n```python\nf = lambda x: math.sqrt(x)\n```"
    assert extract_program(answer, "f") == "f = lambda x: math.sqrt(x)\n"


@pytest.mark.parametrize("answer", ["", "I cannot.", "```python\ndef g(): ...\n```", "def f(:", "\x00", "(" * 5000])
def test_no_program_gives_none(answer: str) -> None:
    assert extract_program(answer, "f") is None


def test_code_blocks_of_an_answer_without_fences() -> None:
    assert code_blocks("text") == []


def test_an_expression_too_deep_to_be_written_back_is_no_program() -> None:
    from codedpo.code.tests import split_tests

    assert extract_program("def f(x):\n    return " + "+".join(["x"] * 5000), "f") is None
    assert split_tests("assert f(1) == " + "+".join(["1"] * 5000), "f").tests == ()


@pytest.mark.parametrize(
    ("answer", "repairs"),
    [
        ("```python\ndef f(x):\n    return x\n```", ()),
        ("```python\ndef f(x):\n    return x\n", ("fence closed at the end",)),
        ("```\npython\ndef f(x):\n    return x\n```", ("language below the fence dropped",)),
        ("<think>def f(x): no</think>\ndef f(x):\n    return x\n", ("reasoning stripped",)),
        (
            "It is easy:\n\ndef f(x):\n    return x\n\nDone, I think.",
            ("prose stripped", "end that does not parse dropped"),
        ),
    ],
)
def test_what_was_needed_to_find_the_program_is_named(answer: str, repairs: tuple[str, ...]) -> None:
    found = extract(answer, "f")
    assert found is not None
    assert found.program == "def f(x):\n    return x\n"
    assert found.repairs == repairs


@pytest.mark.parametrize(
    "code",
    [
        "def f(x):\n    y = x + 1\n    return y +",
        "def f(x):\n    if x:\n        return 1\n    elif x > 2:\n        return (3",
        "def f(x):\n    return g(x)\ndef g(x):\n    return x[",
    ],
)
def test_half_a_program_is_never_taken_for_one(code: str) -> None:
    assert extract(f"```python\n{code}\n```", "f") is None


def test_reasoning_that_never_ends_holds_no_program() -> None:
    assert extract("<think>\n```python\ndef f(x):\n    return x\n```", "f") is None
