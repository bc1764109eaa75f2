"""Scores of efficiency against numbers worked out by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from codedpo.efficiency import (
    beyond,
    eff_at_k,
    hodges_lehmann,
    level_score,
    performance_score,
)


def test_hodges_lehmann_is_the_median_of_pair_means() -> None:
    # means of pairs of 1, 2, 9: 1, 1.5, 2, 5, 5.5, 9; the middle two are 2 and 5
    assert hodges_lehmann([9, 1, 2]) == 3.5
    assert hodges_lehmann([0.25]) == 0.25
    # 1, 1, 1, 100: six means of ones, four of 50.5, one... the 5th and 6th smallest of ten are ones
    assert hodges_lehmann([1, 1, 1, 100]) == 1


def test_level_score_is_the_share_of_the_time_that_is_left() -> None:
    # T = 2, the slowest input takes 1.2 s, the reference 1 s: 0.8 / 1
    assert level_score([0.1, 1.2], [0.5, 1.0], 2.0) == pytest.approx(0.8)
    assert level_score([0.1, 0.5], [0.5, 1.0], 2.0) == pytest.approx(1.5), "faster than the reference"
    assert level_score([0.1, 2.5], [0.5, 1.0], 2.0) == 0.0, "beyond the limit"
    assert level_score([0.1], [0.5, 1.0], 2.0) == 0.0, "it did not finish"


def test_eff_at_k_weighs_order_statistics() -> None:
    # of 0.2, 0.5, 0.8 the best of two drawn is 0.5 once, 0.8 twice: 2.1 / 3
    assert eff_at_k([0.8, 0.2, 0.5], 2) == pytest.approx(0.7)
    assert eff_at_k([0.8, 0.2, 0.5], 1) == pytest.approx(0.5)
    assert eff_at_k([0.8, 0.2, 0.5], 3) == pytest.approx(0.8)


@pytest.mark.parametrize("k", range(1, 8))
def test_eff_at_k_is_the_mean_over_all_draws(k: int) -> None:
    scores = np.random.default_rng(0).random(7)
    draws = [max(draw) for draw in combinations(scores.tolist(), k)]
    assert eff_at_k(scores, k) == pytest.approx(np.mean(draws))


def test_eff_at_k_needs_k_programs() -> None:
    with pytest.raises(ValueError, match="eff@3 of 2 programs: k must be from 1 to 2"):
        eff_at_k([0.1, 0.2], 3)


def test_beyond_is_the_place_in_the_range_of_published_times() -> None:
    # from 1 to 5 s: 2 s leaves 3 of 4 behind
    assert beyond(2.0, [1.0, 3.0, 5.0]) == 0.75
    assert beyond(0.5, [1.0, 5.0]) == 1.0 and beyond(9.0, [1.0, 5.0]) == 0.0
    assert beyond(1.0, [1.0, 1.0]) == 1.0 and beyond(1.1, [1.0]) == 0.0


def test_performance_score_counts_references_that_are_not_faster() -> None:
    clusters = [(4.0, 5), (2.0, 3), (1.0, 2)]
    assert performance_score(3.0, clusters) == 0.5, "slower than the 5 that take 2 s and 1 s"
    assert performance_score(2.0, clusters) == 0.8
    assert performance_score(0.9, clusters) == 1.0 and performance_score(5.0, clusters) == 0.0
