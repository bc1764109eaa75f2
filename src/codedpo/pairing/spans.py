"""Two texts in, where they differ and how their lengths compare out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Middle:
    """What lies between the common beginning and the common end of two texts, in characters."""

    first: tuple[int, int]
    """Start and end in the first text."""
    second: tuple[int, int]


def middle(first: str, second: str) -> Middle:
    """Where two texts differ; the beginning is taken as long as it can be, then the end."""
    shorter = min(len(first), len(second))
    start = next((i for i in range(shorter) if first[i] != second[i]), shorter)
    end = next((i for i in range(shorter - start) if first[-1 - i] != second[-1 - i]), shorter - start)
    return Middle((start, len(first) - end), (start, len(second) - end))


def length_ratio(first: str, second: str) -> float:
    """How many times longer the longer of two texts is, at least 1."""
    shorter, longer = sorted((len(first), len(second)))
    return max(1.0, longer / max(1, shorter))
