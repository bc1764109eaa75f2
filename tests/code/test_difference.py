"""How much two programs differ, worked out by hand."""

from __future__ import annotations

import pytest

from codedpo.code.difference import text_difference, tree_difference


def test_text_differs_by_the_share_of_lines_that_are_not_in_both() -> None:
    # 3 and 2 lines, of which 1 is in both: 1 - 2 x 1 / 5.
    assert text_difference("def f(x):\n    y = x\n\n    return y", "def f(x):\n  return x") == pytest.approx(0.6)
    assert text_difference("a\nb", "b\na") == pytest.approx(0.5)


def test_trees_differ_by_the_share_of_nodes_that_are_not_in_both() -> None:
    # Expr, BinOp, Name a, Sub, Name b: 5 nodes each. Swapped, 3 are in both: a is on the other side, so is b.
    assert tree_difference("a - b", "b - a") == pytest.approx(1 - 2 * 3 / 10)
    # Expr, Call, Name f, Constant 1 against 2: 3 of 4.
    assert tree_difference("f(1)", "f(2)") == pytest.approx(0.25)


@pytest.mark.parametrize("difference", [text_difference, tree_difference])
def test_equal_programs_do_not_differ_and_foreign_ones_wholly(difference: type) -> None:
    assert difference("def f(x): return 1", "def f(x): return 1") == 0
    assert difference("", "") == 0
    assert difference("import os", "1") == 1


def test_comments_and_layout_make_no_difference_to_trees() -> None:
    assert tree_difference("def f(x):\n    '''Doc.'''\n    return (x)  # it", "def f(x): return x") == 0


def test_what_does_not_parse_is_compared_as_text() -> None:
    assert tree_difference("def f(:", "def f(:") == 0
    assert tree_difference("def f(:", "def g(:") == 1
