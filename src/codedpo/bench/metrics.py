"""Scores and truth of many draws in, one number a draw out: how well the scores tell right from wrong.

Scores count as equal where they agree to nine digits of the draw's largest, so that rounding noise decides nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_DIGITS = 9


def rounded(scores: Floats) -> Floats:
    """(n_draws, n) the scores, each draw's divided by its largest magnitude, to nine digits; nan stays nan."""
    magnitude = np.where(np.isnan(scores), 0.0, np.abs(scores))
    largest = magnitude.max(axis=1, initial=0.0, keepdims=True)
    return np.asarray((scores / np.where(largest > 0, largest, 1.0)).round(_DIGITS))


def auc(scores: Floats, positive: Flags, negative: Flags) -> Floats:
    """(n_draws,) how often a positive scores higher than a negative, a tie counted half; nan without one of each.

    Args:
        scores: (n_draws, n), as `rounded` gives them.
        positive: (n_draws, n).
        negative: (n_draws, n); what is neither counts for nothing.
    """
    higher = scores[:, :, None] > scores[:, None, :]
    level = scores[:, :, None] == scores[:, None, :]
    pairs = positive[:, :, None] & negative[:, None, :]
    won = ((higher + 0.5 * level) * pairs).sum(axis=(1, 2))
    return _ratio(won, pairs.sum(axis=(1, 2)).astype(np.float64), np.nan)


def spearman(scores: Floats, right: Flags) -> Floats:
    """(n_draws,) correlation of mid-ranks with the truth; 0 where all scores tie, nan where all solutions are alike."""
    level = scores[:, :, None] == scores[:, None, :]
    ranks = (scores[:, :, None] > scores[:, None, :]).sum(axis=2) + level.sum(axis=2) / 2
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    truth = right - right.mean(axis=1, keepdims=True)
    spread = np.sqrt((ranks**2).sum(axis=1) * (truth**2).sum(axis=1))
    found = _ratio((ranks * truth).sum(axis=1), spread, 0.0)
    return np.where(right.all(axis=1) | ~right.any(axis=1), np.nan, found)


def top_accuracy(scores: Floats, right: Flags) -> Floats:
    """(n_draws,) how likely a random one of the top-scored solutions is right."""
    return _share(scores == scores.max(axis=1, keepdims=True), right)


def pair_accuracy(scores: Floats, right: Flags) -> Floats:
    """(n_draws,) P(a random top-tied solution is right) x P(a random bottom-tied one is wrong); 0 without spread."""
    lowest, highest = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    both = _share(scores == highest, right) * _share(scores == lowest, ~right)
    return np.where((highest > lowest)[:, 0], both, 0.0)


def _share(chosen: Flags, right: Flags) -> Floats:
    return (chosen & right).sum(axis=1) / chosen.sum(axis=1)


def _ratio(part: Floats, whole: Floats, otherwise: float) -> Floats:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), otherwise)
