"""A function and a generator of inputs in, a test whose arguments are made before the clock is read out."""

from __future__ import annotations

from dataclasses import dataclass

GENERATOR = "make_input"
GENERATOR_SIGNATURE = f"def {GENERATOR}(size: int, seed: int) -> tuple:"
"""What a generator defines: it returns the arguments of a call."""
_ARGUMENTS, _RESULT = "__arguments__", "__result__"
"""The names of jailed/produced.py."""


@dataclass(frozen=True)
class PreparedTest:
    """A call without an expected value."""

    text: str
    """Statements that read `__arguments__` and bind `__result__`."""
    preparation: str
    """A program that binds `__arguments__`, a tuple of plain values; it runs in a process of its own."""


def prepared_call(entry_point: str, generator: str, size: int, seed: int) -> PreparedTest:
    """One call of the function on generated arguments."""
    return PreparedTest(call_on(entry_point), f"{generator}\n{_ARGUMENTS} = {GENERATOR}({size}, {seed})\n")


def call_on(function: str) -> str:
    """Statements that call a function, given as an expression, on the prepared arguments.

    An iterator is run through, or a lazy solution would be timed on no work. Where the function returns None its result
    is what it made of its arguments.
    """
    return (
        f"{_RESULT} = {function}(*{_ARGUMENTS})\n"
        f"if hasattr({_RESULT}, '__next__'):\n    {_RESULT} = [*{_RESULT}]\n"
        f"if {_RESULT} is None:\n    {_RESULT} = {_ARGUMENTS}\n"
    )
