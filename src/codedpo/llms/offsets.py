"""64-bit keys and values in, a map of them in about 35 bytes an entry out: for the millions of answers of a cache."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MAX_RECENT = 1 << 16


class Offsets:
    """A map of unsigned 64-bit integers.

    Sorted arrays (16 bytes an entry) hold most of it; a dict holds what came last, at most an eighth of the whole
    (about 150 bytes an entry). A merge costs as much memory again for a moment. Not thread-safe.
    """

    def __init__(self) -> None:
        self._keys: NDArray[np.uint64] = np.empty(0, np.uint64)  # (n,), sorted
        self._values: NDArray[np.uint64] = np.empty(0, np.uint64)  # (n,)
        self._recent: dict[int, int] = {}

    def __len__(self) -> int:
        """Number of entries; one that was overwritten may be counted twice until the next merge."""
        return len(self._keys) + len(self._recent)

    def get(self, key: int) -> int | None:
        value = self._recent.get(key)
        if value is not None:
            return value
        place = int(self._keys.searchsorted(np.uint64(key)))
        if place < len(self._keys) and int(self._keys[place]) == key:
            return int(self._values[place])
        return None

    def put(self, key: int, value: int) -> None:
        self._recent[key] = value
        if len(self._recent) > _MAX_RECENT + len(self._keys) // 8:
            self._merge()

    def _merge(self) -> None:
        # The recent ones go first: a stable sort then keeps them before older ones of the same key.
        recent = len(self._recent)
        keys = np.concatenate((np.fromiter(self._recent.keys(), np.uint64, recent), self._keys))
        values = np.concatenate((np.fromiter(self._recent.values(), np.uint64, recent), self._values))
        self._recent = {}
        order = np.argsort(keys, kind="stable")
        keys, values = keys[order], values[order]
        first = np.ones(len(keys), np.bool_)
        first[1:] = keys[1:] != keys[:-1]
        self._keys, self._values = (keys, values) if first.all() else (keys[first], values[first])
