"""Where two answers differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedpo.pairing.spans import length_ratio, middle

TEXTS = st.text("ab\n", max_size=12)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_outside_the_middle_two_texts_are_equal(start: str, end: str, first: str, second: str) -> None:
    a, b = start + first + end, start + second + end
    found = middle(a, b)
    assert a[: found.first[0]] == b[: found.second[0]]
    assert a[found.first[1] :] == b[found.second[1] :]
    assert 0 <= found.first[0] <= found.first[1] <= len(a)
    assert 0 <= found.second[0] <= found.second[1] <= len(b)
    inner = a[slice(*found.first)], b[slice(*found.second)]
    assert not (inner[0] and inner[1]) or (inner[0][0] != inner[1][0] and inner[0][-1] != inner[1][-1])
    assert len(inner[0]) <= len(first) or len(inner[1]) <= len(second)


@pytest.mark.parametrize(
    ("first", "second", "spans"),
    [
        ("return x + 1", "return x - 1", ((9, 10), (9, 10))),
        ("abc", "abc", ((3, 3), (3, 3))),
        ("aaa", "aa", ((2, 3), (2, 2))),
        ("", "abc", ((0, 0), (0, 3))),
    ],
)
def test_the_middle_is_what_differs(first: str, second: str, spans: tuple[tuple[int, int], tuple[int, int]]) -> None:
    found = middle(first, second)
    assert (found.first, found.second) == spans


def test_the_length_ratio_has_no_direction() -> None:
    assert length_ratio("ab", "abcd") == length_ratio("abcd", "ab") == 2
    assert length_ratio("", "") == 1
