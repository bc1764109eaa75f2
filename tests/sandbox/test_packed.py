"""Large values: every exact built-in one arrives as it was, equal ones alike, and forged bytes are refused or data."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import packed  # pyright: ignore[reportMissingImports]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sandbox.test_codec import VALUES, same

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(1 << 200), 1 << 200)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
    | st.just(...)
)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(SCALARS, inner, max_size=3)
        | st.frozensets(SCALARS, max_size=3)
        | st.sets(SCALARS, max_size=3)
    ),
    max_leaves=12,
)


@pytest.fixture(autouse=True, scope="module")
def small_values_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "_LEAST", 0)
        yield


@given(DATA)
def test_every_exact_value_arrives_as_it_was(value: Any) -> None:
    content = packed.pack(value)
    assert packed.is_packed(content)
    assert same(packed.unpack(content), value)


@given(VALUES)
def test_other_values_are_left_to_json(value: Any) -> None:
    content = packed.pack(value)
    assert content == b"" or same(packed.unpack(content), value)


@pytest.mark.parametrize("kind", [float, int])
@pytest.mark.parametrize("last", [0, 0.5, "x", None, 1 << 40])
def test_a_long_list_with_one_other_item(kind: type, last: Any) -> None:
    value = [*map(kind, range(5000)), last, kind(7)]
    assert same(packed.unpack(packed.pack(value)), value)


def test_equal_values_give_equal_bytes_however_their_parts_are_shared() -> None:
    text = "".join(["ab", "c" * 50])
    shared, apart = [text] * 3, ["ab" + "c" * 50, text[:], "abc" + "c" * 49]
    assert packed.pack(shared) == packed.pack(apart)
    numbers = [random.Random(0).random() for _ in range(3)]
    assert packed.pack((numbers, numbers)) == packed.pack((list(numbers), list(map(float, map(repr, numbers)))))


@pytest.mark.parametrize(
    "value",
    [
        np.arange(4),
        [np.float64(1.5), 2.5],
        (1, np.int64(2)),
        float("nan"),
        [np.array([1], np.uint8)],
        type("Kin", (list,), {})([1]),
        type("Kin", (int,), {})(1),
        [lambda: 0],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_exact_is_not_packed(value: Any) -> None:
    assert packed.pack(value) == b""


def test_what_equals_bytes_arrives_as_bytes() -> None:
    assert same(packed.unpack(packed.pack([bytearray(b"ab"), memoryview(b"ac")])), [b"ab", b"ac"])


def test_nesting_without_end_is_not_packed() -> None:
    value: list[Any] = []
    value.append(value)
    assert packed.pack(value) == b""


@given(st.binary(max_size=40))
def test_forged_bytes_are_refused_or_data(data: bytes) -> None:
    read(b"m" + data)


@given(DATA, st.integers(0, 1 << 30), st.integers(0, 255))
def test_damaged_bytes_are_refused_or_data(value: Any, place: int, byte: int) -> None:
    content = bytearray(packed.pack(value))
    content[1 + place % (len(content) - 1)] = byte
    read(bytes(content))
    read(bytes(content[: place % len(content)]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[\xff\xff\xff\x7f" + b"g" * 9,  # two thousand million items
        b"[\xff\xff\xff\xffN",
        b"u\x05\x00\x00\x00ab",
        b"u\x01\x00\x00\x00\xff",
        b"i\x01\x00\x00",
        b"l\x00\x00\x00\x80",
        b"{N",
        b"{[\x00\x00\x00\x00N0",
        b"<\x01\x00\x00\x00[\x00\x00\x00\x00",
        b"NN",
        b"c\x00\x00\x00\x00",
        b"r\x00\x00\x00\x00",
        b"[\x01\x00\x00\x00" * 5000 + b"N",
    ],
)
def test_what_pack_never_writes(data: bytes) -> None:
    with pytest.raises(ValueError, match="packed|breaks off|unknown|decode"):
        packed.unpack(b"m" + data)


def read(content: bytes) -> None:
    """Read it as the supervisor does: a ValueError is all that may come of it."""
    try:
        value = packed.unpack(content)
    except ValueError:
        return
    assert value is None or type(value) in (
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        tuple,
        list,
        dict,
        set,
        frozenset,
        type(...),
    )
