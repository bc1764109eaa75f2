"""Lengths, kinds and fates of pairs in; what a look at the data before training should tell out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Fate = Literal["trained on", "held out", "overlong", "identical", "duplicate"]
_BARS = 8
_WIDTH = 24


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram of lengths."""

    tokens: int
    """Upper end: pairs of up to so many tokens, prompt and longer completion."""
    pairs: int


@dataclass(frozen=True)
class DataCheck:
    """What there is to train on, and what was left out."""

    pairs: int
    trained_on: int
    held_out: int
    overlong: int
    """Longer than `max_length`: dropped, never cut."""
    identical: int
    """Chosen and rejected are the same tokens."""
    duplicate: int
    """The same prompt, chosen and rejected tokens as an earlier pair."""
    kinds: dict[str, int]
    """Pairs trained on, by kind."""
    lengths: tuple[Bar, ...]
    """Of all pairs."""
    positives: int = 0
    """Programs labelled good, for a method that takes programs one by one (KTO); 0 elsewhere."""
    negatives: int = 0
    unfilled: int = 0
    """Such programs at the end that fill no forward pass: left out."""

    def lines(self) -> Iterator[str]:
        """The check as text."""
        yield f"{self.pairs} pairs: {self.trained_on} to train on, {self.held_out} held out"
        yield f"left out: {self.overlong} too long, {self.identical} identical, {self.duplicate} duplicates"
        if self.kinds:
            shares = (f"{kind} {count} ({count / self.trained_on:.0%})" for kind, count in self.kinds.items())
            yield f"kinds: {', '.join(shares)}"
        if self.positives:
            left = f"; {self.unfilled} left out to fill forward passes" if self.unfilled else ""
            yield f"labels: {self.positives} good, {self.negatives} bad{left}"
        largest = max((bar.pairs for bar in self.lengths), default=0)
        for bar in self.lengths:
            yield f"{bar.tokens:>6} tokens {'#' * -(-_WIDTH * bar.pairs // largest)} {bar.pairs}"


def check(lengths: Sequence[int], fates: Sequence[Fate], kinds: Sequence[str]) -> DataCheck:
    """Count; all three have an entry for each pair."""
    counts = Counter(fates)
    return DataCheck(
        pairs=len(fates),
        trained_on=counts["trained on"],
        held_out=counts["held out"],
        overlong=counts["overlong"],
        identical=counts["identical"],
        duplicate=counts["duplicate"],
        kinds=dict(Counter(kind for kind, fate in zip(kinds, fates, strict=True) if fate == "trained on")),
        lengths=_histogram(lengths),
    )


def _histogram(lengths: Sequence[int]) -> tuple[Bar, ...]:
    """Bars of equal width whose ends are round numbers, from the shortest to the longest."""
    if not lengths:
        return ()
    width = max(1, -(-(max(lengths) - min(lengths) + 1) // _BARS))
    step = 10 ** (len(str(width)) - 1)
    width = -(-width // step) * step
    places = (np.asarray(lengths) - 1) // width
    counts = np.bincount(places - places.min())
    return tuple(Bar(int(places.min() + place + 1) * width, int(count)) for place, count in enumerate(counts))
