"""Which tests are trusted, and what is wrong with those that tell nothing."""

import numpy as np
import pytest

from codedpo.credible import credible_tests, find_flaws
from codedpo.records import TestFlaw

ALL = np.ones(3, bool)


def test_credible_tests_are_those_of_all_top_solutions() -> None:
    passed = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0]], bool)
    assert credible_tests(passed, np.array([3.0, 2.0, 0.0]), ALL).tolist() == [True, True, False]
    assert credible_tests(passed, np.array([3.0, 3.0, 0.0]), ALL).tolist() == [True, False, False]
    assert credible_tests(passed, np.array([3.0, 2.0, 0.0]), ~ALL).tolist() == [False] * 3
    assert not credible_tests(np.zeros((2, 3), bool), np.ones(2), ALL).any()
    assert credible_tests(np.empty((0, 3), bool), np.empty(0), ALL).tolist() == [False] * 3


def test_each_test_has_the_first_flaw_that_holds() -> None:
    passed = np.array([[1, 1, 0, 1, 1, 1], [1, 1, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0]], bool)
    stubs = np.array([0.2, 0.8, 0.0, 0.1, 0.0, 0.3], np.float32)
    assert find_flaws(passed, stubs, 0.7).tolist() == [
        TestFlaw.PASSED_BY_ALL,
        TestFlaw.TRIVIAL,  # so that the equal test at the end is the first of its kind
        TestFlaw.PASSED_BY_NONE,
        TestFlaw.NONE,
        TestFlaw.DUPLICATE,
        TestFlaw.NONE,
    ]


def test_without_a_panel_no_test_is_trivial_and_above_one_none_can_be() -> None:
    passed = np.array([[1, 0], [0, 1]], bool)
    assert not find_flaws(passed, np.empty(0, np.float32), 0.7).any()
    assert not find_flaws(passed, np.ones(2, np.float32), 1.01).any()


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1)])
def test_odd_shapes_have_flaws_of_their_width(shape: tuple[int, int]) -> None:
    assert find_flaws(np.zeros(shape, bool), np.empty(0, np.float32), 0.7).shape == (shape[1],)
