"""A pass matrix with scores in, the tests that can be trusted out; tests that tell nothing are found and left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from codedpo.records import TestFlaw


def credible_tests(
    passed: NDArray[np.bool_], solution_scores: NDArray[np.float64], allowed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The allowed tests that every top-scored solution passes, (n_tests,) bool.

    The paper (section on efficiency) takes the tests passed by the top-scored solution; where several
    share the top score, this is the intersection of theirs.

    Args:
        passed: (n_solutions, n_tests).
        solution_scores: (n_solutions,).
        allowed: (n_tests,).
    """
    top = passed[solution_scores == solution_scores.max(initial=-np.inf)]
    return np.asarray(top.all(axis=0) & passed.any(axis=0) & allowed)


def find_flaws(
    passed: NDArray[np.bool_], stub_passes: NDArray[np.float32], max_stub_passes: float
) -> NDArray[np.uint8]:
    """What is wrong with each test, (n_tests,) values of `TestFlaw`: the first of these that holds.

    Args:
        passed: (n_solutions, n_tests).
        stub_passes: (n_tests,) share of the stubs that pass; (0,) where none was run.
        max_stub_passes: from this share on a test is trivial.
    """
    flaws = np.full(passed.shape[1], TestFlaw.NONE, np.uint8)
    flaws[~passed.any(axis=0)] = TestFlaw.PASSED_BY_NONE
    flaws[passed.all(axis=0)] = TestFlaw.PASSED_BY_ALL
    if len(stub_passes):
        flaws[stub_passes >= max_stub_passes] = TestFlaw.TRIVIAL
    sound = np.flatnonzero(flaws == TestFlaw.NONE)
    if len(sound):
        _, first = np.unique(passed[:, sound], axis=1, return_index=True)
        flaws[np.delete(sound, first)] = TestFlaw.DUPLICATE
    return flaws
