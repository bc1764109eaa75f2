"""Metrics worked out by hand: ties, no spread, truth without both kinds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from codedpo.bench import metrics
from codedpo.bench.draws import Draws
from codedpo.bench.measuring import correlation, joined, measure, pooled_sums
from codedpo.rankers.count import Count


def scores(*rows: list[float]) -> np.ndarray:
    return metrics.rounded(np.array(rows, float))


def truth(*rows: list[int]) -> np.ndarray:
    return np.array(rows, bool)


def test_auc_counts_a_tie_half() -> None:
    # Right: 3 and 1; wrong: 1 and 0. Of four comparisons 3>1, 3>0, 1=1, 1>0: 3.5 of 4.
    right = truth([1, 1, 0, 0])
    assert metrics.auc(scores([3, 1, 1, 0]), right, ~right).tolist() == [3.5 / 4]
    assert metrics.auc(scores([2, 2, 2, 2]), right, ~right).tolist() == [0.5]


def test_auc_is_unknown_without_one_of_each_kind() -> None:
    right = truth([1, 1], [0, 0])
    assert np.isnan(metrics.auc(scores([1, 2], [1, 2]), right, ~right)).all()


def test_spearman_with_ties_by_hand() -> None:
    # Mid-ranks of (2, 1, 1, 0): 4, 2.5, 2.5, 1, less their mean: 1.5, 0, 0, -1.5. Truth (1, 1, 0, 0): .5, .5, -.5, -.5.
    # Sum of products 1.5, lengths sqrt(4.5) and 1.
    found = metrics.spearman(scores([2, 1, 1, 0]), truth([1, 1, 0, 0]))
    assert found.tolist() == pytest.approx([1.5 / math.sqrt(4.5)])


def test_spearman_is_0_for_constant_scores_and_unknown_for_constant_truth() -> None:
    assert metrics.spearman(scores([5, 5, 5]), truth([1, 0, 0])).tolist() == [0.0]
    assert np.isnan(metrics.spearman(scores([1, 2, 3]), truth([1, 1, 1]))).all()


def test_top_accuracy_is_expected_over_ties() -> None:
    assert metrics.top_accuracy(scores([2, 2, 2, 1]), truth([1, 0, 0, 1])).tolist() == pytest.approx([1 / 3])


def test_pair_accuracy_by_hand() -> None:
    # Two at the top, one of them right; two at the bottom, both wrong: 1/2 * 1.
    assert metrics.pair_accuracy(scores([2, 2, 0, 0]), truth([1, 0, 0, 0])).tolist() == [0.5]
    # Without spread there is no pair, and none where all are wrong is right.
    assert metrics.pair_accuracy(scores([1, 1], [2, 1]), truth([1, 0], [0, 0])).tolist() == [0.0, 0.0]


def test_rounding_noise_makes_no_difference() -> None:
    noisy = scores([1e11, 1e11 * (1 + 1e-14), 0.0])
    assert noisy[0, 0] == noisy[0, 1]
    assert np.isnan(metrics.rounded(np.array([[np.nan, 2.0]]))[0, 0])


def of_task(passed: list[list[int]], right: list[int], valid: list[int]) -> Draws:
    matrix = np.array([passed], bool)
    flags = np.array([right], bool)
    return Draws(matrix, flags, flags, np.array([valid], np.int8), np.ones((1, len(valid)), bool))


def test_pooled_spearman_is_that_of_all_solutions_together() -> None:
    # Counts 2, 1 | 1, 0 of truth 1, 0 | 1, 0: mid-ranks 4, 2.5, 2.5, 1, as in the example above.
    tasks = [of_task([[1, 1], [1, 0]], [1, 0], [1, 0]), of_task([[1, 0], [0, 0]], [1, 0], [1, 0])]
    measured = joined([measure(Count(), [task]) for task in tasks])
    assert correlation(pooled_sums(measured).sum(axis=0)).tolist() == pytest.approx(1.5 / math.sqrt(4.5))
    assert correlation(pooled_sums(joined([measured, measured])).sum(axis=0)) == pytest.approx(1.5 / math.sqrt(4.5))


def test_a_ranker_is_measured_on_tests_of_known_validity_alone() -> None:
    # Test scores of count: 2, 1, 0; the first is of unknown validity, the second valid, the third not.
    measured = measure(Count(), [of_task([[1, 1, 0], [1, 0, 0]], [1, 0], [-1, 1, 0])])
    assert measured.values.tolist() == [[1.0, pytest.approx(1.0), 1.0, 1.0, 1.0]]
