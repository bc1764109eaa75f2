"""Lengths of rows in, the order out in which an epoch takes them: the same, however a batch is cut into passes.

Rows of similar length share a batch, so that little is padded and no process waits for another. The order depends on
the lengths, the rows per optimiser step and the seed alone, not on processes nor on rows per forward pass. Where the
rows of an epoch's last step cannot be dealt out evenly to all processes, accelerate fills it up with the epoch's first.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_POOL = 50
"""Batches whose rows are sorted together; a quarter of all at most, so that chance still decides much."""


def epoch_order(lengths: Sequence[int], *, batch: int, seed: int, epoch: int) -> list[int]:
    """Indices of all rows, batch after batch, an incomplete one last; of the others the longest row's comes first.

    Args:
        batch: rows of one optimiser step.
    """
    chance = random.Random(f"{seed}-{epoch}")
    rows = list(range(len(lengths)))
    chance.shuffle(rows)
    whole = len(rows) // batch * batch
    pool = max(1, min(_POOL, len(rows) // (4 * batch))) * batch
    pools = [_longest_first(rows[start : min(start + pool, whole)], lengths) for start in range(0, whole, pool)]
    batches = [part[start : start + batch] for part in pools for start in range(0, len(part), batch)]
    chance.shuffle(batches)
    longest = max((lengths[part[0]] for part in batches), default=0)
    batches.sort(key=lambda part: lengths[part[0]] < longest)  # what does not fit in memory fails at once
    return [row for part in [*batches, _longest_first(rows[whole:], lengths)] for row in part]


class Order:
    """The order as torch's and accelerate's data loaders want it: another one in each epoch."""

    def __init__(self, lengths: Sequence[int], *, batch: int, seed: int):
        self._lengths, self._batch, self._seed, self._epoch = lengths, batch, seed, 0

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        return iter(epoch_order(self._lengths, batch=self._batch, seed=self._seed, epoch=self._epoch))

    def set_epoch(self, epoch: int) -> None:
        """Called before an epoch is gone through, also where one is gone on with."""
        self._epoch = epoch


def _longest_first(rows: Sequence[int], lengths: Sequence[int]) -> list[int]:
    return sorted(rows, key=lambda row: -lengths[row])
