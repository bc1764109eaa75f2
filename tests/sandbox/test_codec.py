"""What travels between judge and solution: every data value arrives as it was, and nothing else arrives."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import json
import math
from typing import Any

import codec  # pyright: ignore[reportMissingImports]
import pytest
from hypothesis import given
from hypothesis import strategies as st


def no_reference(value: object) -> Any:
    raise TypeError(type(value).__name__)


def travel(value: object) -> Any:
    return codec.decode(codec.loads(codec.dumps(codec.encode(value, no_reference))), no_reference)


def same(first: object, second: object) -> bool:
    """Equal, of the same types all the way down; nan equals nan, 0.0 is not -0.0."""
    if type(first) is not type(second):
        return False
    if isinstance(first, float) and isinstance(second, float):
        return (first == second and math.copysign(1, first) == math.copysign(1, second)) or first != first != second
    if isinstance(first, list | tuple | collections.deque):
        return len(first) == len(second) and all(map(same, first, second))  # pyright: ignore
    if isinstance(first, dict):
        return len(first) == len(second) and all(map(same, first.items(), second.items()))  # pyright: ignore
    return first == second


HASHABLE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=3)
        | st.lists(inner, max_size=3).map(collections.deque)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_data_arrives_as_it_was(value: object) -> None:
    assert same(travel(value), value)


@pytest.mark.parametrize(
    "value",
    [
        -0.0, math.nan, [math.nan], math.inf, 10**5000, "\ud800", "\x00", {1: {2: [3]}}, {(): None}, [[]], range(3, 10, 2), bytearray(b"\xff"),
        collections.Counter("aab"), collections.OrderedDict(b=1, a=2), decimal.Decimal("1E+30"), datetime.time(1, 2, 3, 4),
        fractions.Fraction(1, 3), ..., collections.deque([1], 2),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_odd_data_arrives_as_it_was(value: object) -> None:
    assert same(travel(value), value)


class Colour(enum.IntEnum):
    RED = 1


class Liar(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


def test_a_subclass_travels_as_the_plain_value_inside_it() -> None:
    arrived = travel([Liar(3), Colour.RED, collections.namedtuple("P", "x")(1)])
    assert arrived == [3, 1, (1,)]
    assert list(map(type, arrived)) == [int, int, tuple]


def test_iterators_travel_as_their_items_and_end_where_they_are_endless() -> None:
    assert list(travel(x * x for x in range(3))) == [0, 1, 4]
    assert list(travel(zip("ab", [1, 2], strict=True))) == [("a", 1), ("b", 2)]
    endless = travel(1 for _ in iter(int, 1))
    assert next(endless) == 1
    with pytest.raises(RuntimeError, match="more than the 10000 items"):
        list(endless)


def test_what_is_no_data_is_left_to_the_reference() -> None:
    with pytest.raises(TypeError, match="object"):
        travel([object()])
    with pytest.raises(RecursionError):
        loop: list[Any] = []
        loop.append(loop)
        travel(loop)


TAGS = sorted(codec._READERS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(TAGS), inner, max_size=2),
    max_leaves=10,
)


@given(JSON)
def test_a_hostile_message_gives_data_or_a_value_error(message: object) -> None:
    allowed = (int, float, complex, str, bytes, bytearray, bool, type(None), tuple, list, dict, set, frozenset, range,
               collections.deque, fractions.Fraction, decimal.Decimal, datetime.date, datetime.time, datetime.timedelta,
               type(...), type(x for x in ()), type({}.keys()), type({}.values()), type({}.items()))  # fmt: skip
    try:
        value = codec.decode(json.loads(json.dumps(message)), no_reference)
    except (ValueError, TypeError):
        return
    assert isinstance(value, allowed)


@given(st.binary(max_size=60))
def test_hostile_bytes_give_a_message_or_a_value_error(data: bytes) -> None:
    try:
        message = codec.loads(data)
    except ValueError:
        return
    assert type(message) in (dict, list, str, int, float, bool, type(None))


def test_a_deeply_nested_message_is_refused_not_a_crash() -> None:
    with pytest.raises(ValueError, match="not a message"):
        codec.loads(b"[" * 200_000)
