"""What each published rule proposes, worked by hand."""

import numpy as np
import pytest

from codedpo.pairing.rules import CORRECTNESS_RULES, Choice, RuleSettings, margin
from codedpo.records import Execution, Ranking, Samples

SETTINGS = RuleSettings(k=2, seed="t")


def ranking(passed: list[list[int]], scores: list[float], credible: list[int]) -> Ranking:
    matrix = np.array(passed, bool)
    samples = Samples(None, ("pass",) * len(matrix), ("assert f()",) * matrix.shape[1], 0, 0, None, None)
    execution = Execution(
        samples, (~matrix).astype(np.uint8), np.zeros(matrix.shape, np.float32), np.zeros(matrix.shape, bool), ()
    )
    return Ranking(
        execution,
        "codedpo",
        np.array(scores),
        matrix.sum(axis=0).astype(float),
        np.array(credible, bool),
        np.zeros(matrix.shape[1], np.uint8),
    )


#            tests: 5 pass, 4 pass, 2 pass, 0 pass
PASSED = [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
GIVEN = ranking(PASSED, [9.0, 9.0, 4.0, 0.0], credible=[1, 1, 1, 1, 0])


@pytest.mark.parametrize(
    ("rule", "pairs"),
    [
        ("top_bottom", [(0, 3), (1, 3)]),
        ("over_margin", [(0, 3), (1, 3), (2, 3), (0, 2), (1, 2)]),
        ("top_k_bottom_k", [(0, 3), (1, 3), (0, 2), (1, 2)]),
        ("acecoder", [(0, 2), (1, 2)]),  # shares 1, .8, .4, 0: a rejected one must pass something
    ],
)
def test_rules_propose_the_best_pair_first(rule: str, pairs: list[tuple[int, int]]) -> None:
    assert list(CORRECTNESS_RULES[rule](GIVEN, SETTINGS)) == [Choice(*pair) for pair in pairs]


def test_a_random_passing_one_meets_a_random_failing_one() -> None:
    found = list(CORRECTNESS_RULES["code_optimise"](GIVEN, SETTINGS))
    assert {(choice.chosen, choice.rejected) for choice in found} == {(0, 2), (0, 3), (1, 2), (1, 3)}
    assert found == list(CORRECTNESS_RULES["code_optimise"](GIVEN, SETTINGS))
    others = {tuple(CORRECTNESS_RULES["code_optimise"](GIVEN, RuleSettings(2, f"{i}"))) for i in range(20)}
    assert len(others) > 1


def test_without_credible_tests_nobody_passes() -> None:
    given = ranking(PASSED, [9.0, 9.0, 4.0, 0.0], credible=[0] * 5)
    assert not list(CORRECTNESS_RULES["code_optimise"](given, SETTINGS))


def test_in_a_small_task_both_ends_may_meet() -> None:
    given = ranking([[1], [0], [0]], [2.0, 1.0, 0.0], credible=[1])
    assert list(CORRECTNESS_RULES["top_k_bottom_k"](given, SETTINGS)) == [Choice(0, 2), Choice(1, 2), Choice(0, 1)]


@pytest.mark.parametrize(
    ("rule", "pairs"),
    [("top_bottom", [(0, 1), (1, 0)]), *((rule, []) for rule in CORRECTNESS_RULES if rule != "top_bottom")],
)
def test_of_equal_solutions_only_ties_are_proposed(rule: str, pairs: list[tuple[int, int]]) -> None:
    given = ranking([[1, 0], [1, 0]], [3.0, 3.0], credible=[1, 0])
    assert list(CORRECTNESS_RULES[rule](given, SETTINGS)) == [Choice(*pair) for pair in pairs]


def test_the_largest_margin_comes_first_and_not_the_largest_difference() -> None:
    given = ranking([[1], [1], [1], [0]], [10.0, 6.0, 4.0, 1.0], credible=[1])
    first, second, third, *_ = CORRECTNESS_RULES["over_margin"](given, SETTINGS)
    assert (first, second, third) == (Choice(0, 3), Choice(1, 3), Choice(2, 3))


@pytest.mark.parametrize(("scores", "value"), [([4.0, 1.0], 0.75), ([-2.0, -4.0], 0.5), ([0.0, 0.0], 0.0)])
def test_the_margin_is_relative_to_the_larger_score_whatever_its_sign(scores: list[float], value: float) -> None:
    assert margin(np.array(scores), Choice(0, 1)) == value
