"""Long lists of numbers: they arrive as they were, equal ones alike, all else is left to JSON, forged bytes are refused."""

from __future__ import annotations

import math
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import codec  # pyright: ignore[reportMissingImports]
import numpy as np
import packed  # pyright: ignore[reportMissingImports]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sandbox.test_codec import VALUES, same

INTS = st.integers(1 - (1 << 62), (1 << 62) - 1)
FLOATS = st.floats(-(2.0**61), 2.0**61)
NUMBERS = st.lists(INTS) | st.lists(st.integers(-(1 << 31), (1 << 31) - 1)) | st.lists(FLOATS) | st.lists(INTS | FLOATS)
LONG = [0.5] * 1000


@given(NUMBERS, st.sampled_from([list, tuple]), st.booleans())
def test_numbers_arrive_as_they_were(numbers: list[Any], kind: Callable[[list[Any]], Any], of_one_kind: bool) -> None:
    filled = (numbers or [0]) * 1000 if of_one_kind else numbers + LONG
    content = packed.pack(kind(filled))
    assert packed.is_packed(content)
    assert same(packed.unpack(content), kind(filled))


def test_equal_numbers_give_equal_bytes_however_they_are_shared() -> None:
    shared = [random.Random(0).random(), 10**15] * 500
    apart = [float(repr(number)) if isinstance(number, float) else int(str(number)) for number in shared]
    assert packed.pack(shared) == packed.pack(apart) != b""


def test_equal_numbers_of_other_types_give_other_bytes() -> None:
    contents = [packed.pack(value) for value in ([0.0] * 1000, [0] * 1000, [-0.0] * 1000, (0,) * 1000)]
    assert all(contents) and len(set(contents)) == 4


def test_the_longest_need_no_digest() -> None:
    content = packed.pack([0.5] * 1_800_000)
    assert content and codec.shortened(content) is content


@given(VALUES)
def test_other_values_are_left_to_json(value: Any) -> None:
    assert packed.pack(value) == b""


@pytest.mark.parametrize(
    "value",
    [
        LONG[1:],
        [0] * 4_000_000,
        [*LONG, True],
        [*LONG, None],
        [*LONG, "x"],
        [*LONG, [1]],
        [*LONG, math.nan],
        [math.inf, *LONG],
        [*LONG, -math.inf, math.inf],
        [*LONG, 1 << 62],
        [-(1 << 4000), *LONG],
        [*LONG, np.float64(1.5)],
        np.zeros(1000),
        type("Kin", (list,), {})(LONG),
        type("Kin", (int,), {})(1),
        dict.fromkeys(range(1000)),
        set(range(1000)),
        bytearray(1000),
        "x" * 1000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_long_ones_too(value: Any) -> None:
    assert packed.pack(value) == b""


@given(st.binary(max_size=40))
def test_forged_bytes_are_refused_or_numbers(data: bytes) -> None:
    assert_refused_or_numbers(b"m" + data)
    assert_refused_or_numbers(b"m[" + data)


@given(st.lists(INTS | FLOATS, min_size=1, max_size=20), st.integers(0, 1 << 30), st.integers(0, 255))
def test_damaged_bytes_are_refused_or_numbers(numbers: list[Any], place: int, byte: int) -> None:
    content = bytearray(packed.pack(numbers + LONG))
    content[1 + place % (len(content) - 1)] = byte
    assert_refused_or_numbers(bytes(content))
    with pytest.raises(ValueError, match=r"list|breaks off|number"):
        packed.unpack(bytes(content[: place % len(content)]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[",
        b"[\x01\x00\x00\x00",
        b"[\x00\x00\x00\x00i\x00\x00\x00\x00",
        b"[\xff\xff\xff\x7f" + b"g" * 9,  # two thousand million numbers
        b"[\xff\xff\xff\xff",
        b"[\x01\x00\x00\x00i\x01\x00\x00",
        b"[\x01\x00\x00\x00l\x00\x00\x00\x80",
        b"[\x01\x00\x00\x00l\x06\x00\x00\x00" + bytes(12),
        b"[\x01\x00\x00\x00l\x05\x00\x00\x00" + bytes(8),
        b"[\x01\x00\x00\x00N",
        b"<\x01\x00\x00\x00i\x00\x00\x00\x00",
        b"[\x01\x00\x00\x00" * 5000 + b"N",
    ],
)
def test_what_pack_never_writes(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"list|breaks off|number"):
        packed.unpack(b"m" + data)


@pytest.mark.parametrize("item", [b"g" + bytes(8), b"i" + bytes(4), b"l\x01\x00\x00\x00\xff\xff", b"[\xff\xff\xff\x7f"])
def test_reading_takes_little_memory(item: bytes) -> None:
    content = b"m[" + (100_001).to_bytes(4, "little") + item * 100_000 + b"i" + bytes(4)
    tracemalloc.start()
    assert_refused_or_numbers(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * len(content)


def assert_refused_or_numbers(content: bytes) -> None:
    """Reading it as the supervisor does gives numbers or a ValueError."""
    try:
        value = packed.unpack(content)
    except ValueError:
        return
    assert type(value) in (list, tuple)
    assert {type(number) for number in value} <= {int, float}
