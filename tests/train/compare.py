"""Folders of trained weights in, how far they lie apart out; and pairs by which a wrong mean shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jobs import make_pair
from numpy.typing import NDArray

from codedpo.records import Pair


def weights_in(folder: Path) -> dict[str, NDArray[Any]]:
    """What a training left there: an adapter's weights, or all."""
    from safetensors.numpy import load_file

    (path,) = folder.glob("*.safetensors")
    return load_file(path)


def largest_difference(one: Path, other: Path) -> float:
    """Between the weights of two trainings."""
    left, right = weights_in(one), weights_in(other)
    assert left.keys() == right.keys()
    return max(float(np.abs(left[name] - right[name]).max()) for name in left)


def various_pairs(count: int) -> list[Pair]:
    """Pairs of different lengths, so that a mean over tokens is another than a mean over programs."""
    return [make_pair(n, chosen=f"def add(a):\n    return a + {n}\n" + "# so\n" * (3 * n % 7)) for n in range(count)]
