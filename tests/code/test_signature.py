import pytest

from codedpo.code.signature import signature_problem

SIGNATURE = "def f(words: list[str], k: int = 1) -> list[str]:"


@pytest.mark.parametrize(
    "program",
    [
        "def f(words, k=1): ...",
        "def f(items, number=2): ...",
        "def f(words, k=1, *, key=None): ...",
        "def f(words, k=1, seen=()): ...",
        "def f(*args): ...",
        "f = lambda words, k=1: words[:k]",
        "def g(words, k=1): ...\nf = g",
        "try:\n    import x\nexcept ImportError:\n    def f(words, k=1): ...",
        "def f(a): ...\ndef f(words, k=1): ...",
    ],
)
def test_a_function_that_takes_the_calls_fits(program: str) -> None:
    assert signature_problem(program, SIGNATURE) is None


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("def f(words): ...", "function takes fewer arguments than the signature"),
        ("def f(): ...", "function takes fewer arguments than the signature"),
        ("def f(words, k, n): ...", "function needs more arguments than the signature"),
        ("def f(words, k=1, *, n): ...", "function needs more arguments than the signature"),
        ("def f(words, k): ...", "function lacks a default of the signature"),
        ("def f(k, words=()): ...", "function takes the arguments in another order"),
        ("async def f(words, k=1): ...", "entry point is a coroutine"),
        ("class f: ...", "entry point is not a plain function at top level"),
        ("class Solution:\n    def f(self, words, k=1): ...", "entry point is not a plain function at top level"),
        ("from lib import f", "entry point is not a plain function at top level"),
        ("f = f", "entry point is not a plain function at top level"),
        ("def f(:", "program does not parse"),
    ],
)
def test_a_function_that_does_not_fit_has_a_reason(program: str, reason: str) -> None:
    assert signature_problem(program, SIGNATURE) == reason


def test_keyword_only_arguments_of_the_signature_are_needed() -> None:
    assert signature_problem("def f(x): ...", "def f(x: int, *, base: int) -> int:") is not None
    assert signature_problem("def f(x, base): ...", "def f(x: int, *, base: int) -> int:") is None
    assert signature_problem("def f(x, *, base): ...", "def f(x: int, *, base: int) -> int:") is None
