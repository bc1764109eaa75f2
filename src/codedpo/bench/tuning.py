"""Settings of one ranker measured on tasks in, the ranker as tuning would have chosen it for an unseen task out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from codedpo.bench.measuring import PAIRS, Measured
from codedpo.rankers import Ranker
from codedpo.rankers.kernel import KernelConsensus
from codedpo.rankers.majority import Majority

GRIDS: dict[str, tuple[Ranker, ...]] = {
    "kernel_consensus": tuple(
        KernelConsensus(exponent, width)
        for exponent, width in itertools.product((0.0, 0.25, 0.5, 1.0, 2.0), (0.05, 0.1, 0.2, 0.4))
    ),
    "majority": tuple(Majority(strength) for strength in (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)),
}
"""What is tried of each ranker that has something to tune."""


def tuned_name(ranker: str) -> str:
    """The line of a table that tells what tuning would give."""
    return f"{ranker} (tuned left-out)"


def tuned_left_out(candidates: Sequence[Measured]) -> Measured:
    """Each task measured with the candidate of the best mean pair accuracy on all other tasks.

    So no task has a say in what it is measured with; of equal candidates the first is taken.
    """
    pairs = np.stack([candidate.values for candidate in candidates])[..., PAIRS]  # (n_candidates, n_tasks)
    others = pairs.sum(axis=1, keepdims=True) - pairs
    chosen: list[int] = others.round(9).argmax(axis=0).tolist()
    return Measured(
        values=np.stack([candidates[choice].values[task] for task, choice in enumerate(chosen)]),
        scores=tuple(candidates[choice].scores[task] for task, choice in enumerate(chosen)),
        right=candidates[0].right,
    )
