"""Scores with intervals in, short texts out."""

from __future__ import annotations

from codedpo.scores import Score


def percent(score: Score, *, signed: bool = False) -> str:
    """Such as `46.3% (38.4 to 54.3)`."""
    form = "{:+.1f}" if signed else "{:.1f}"
    low, high = form.format(100 * score.low), form.format(100 * score.high)
    return f"{form.format(100 * score.value)}% ({low} to {high})"


def times(score: Score) -> str:
    """Such as `1.12x (0.78 to 1.87)`."""
    return f"{score.value:.3g}x ({score.low:.3g} to {score.high:.3g})"
