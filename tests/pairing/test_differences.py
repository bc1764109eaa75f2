"""Where two answers differ, and by how much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedpo.pairing.differences import length_ratio, middle, text_difference, tree_difference

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


def test_comments_make_no_difference_and_names_none_to_the_tree() -> None:
    plain, commented = "def f(x):\n    return x + 1\n", 'def f(x):\n    """Add."""\n    return x + 1  # one\n'
    renamed, other = "def f(y):\n    return y + 2\n", "def f(x):\n    while x:\n        x -= 1\n"
    assert text_difference(plain, commented) == tree_difference(plain, commented) == 0
    assert text_difference(plain, renamed) > 0 == tree_difference(plain, renamed)
    assert 0 < tree_difference(plain, other) <= 1
    assert length_ratio("ab", "abcd") == length_ratio("abcd", "ab") == 2
    assert length_ratio("", "") == 1
