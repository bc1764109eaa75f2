"""Means and intervals against draws counted by hand."""

from __future__ import annotations

import math

import numpy as np

from codedpo.ablate.numbers import estimate


def test_seeds_and_problems_are_drawn_again() -> None:
    # Only seed 1 solves only problem a: the mean is 1/4. Both draws of seeds are seed 1 in 1/4 of the cases, both draws
    # of problems are a in 1/4: a mean of 1 in 1/16, more than the 2.5% that lie above the interval.
    found = estimate(np.array([[1.0, 0.0], [0.0, 0.0]]), ("a", "b"))
    assert (found.value, found.low, found.high) == (0.25, 0.0, 1.0)


def test_what_belongs_together_is_drawn_together() -> None:
    # Tasks a (two pairs, 1 and 1) and b (0): draws give aa = 1, ab = 2/3, bb = 0, never 1/3 as pairs alone would.
    found = estimate(np.array([[1.0, 1.0, 0.0]]), ("a", "a", "b"))
    assert found.value == 2 / 3
    assert (found.low, found.high) == (0.0, 1.0)
    many = estimate(np.array([[1.0] * 50 + [0.0] * 50]), tuple("a" * 50 + "b" * 50))
    assert (many.low, many.high) == (0.0, 1.0)


def test_one_cluster_has_a_mean_but_no_interval_and_nothing_has_neither() -> None:
    alone = estimate(np.array([[1.0, 0.0]]), ("a", "a"))
    assert alone.value == 0.5
    assert math.isnan(alone.low)
    assert math.isnan(estimate(np.empty((1, 0)), ()).value)
