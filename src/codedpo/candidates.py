"""Seeds in any order in, each of them once and in the order of the draw out; the seeds wait in a file, not in memory.

In memory a seed takes 34 bytes here, and 24 more while it is sorted. What comes out does not depend on the order in
which the seeds came: of equal functions the first in the order of the draw is kept, and that order follows a hash of
the code and the run's seed. So a limit draws evenly from all sources, and a larger one keeps what was drawn before.
"""

from __future__ import annotations

import dataclasses
import hashlib
import marshal
import os
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codedpo.records import Seed

_FIELDS = tuple(field.name for field in dataclasses.fields(Seed))


@dataclass(frozen=True)
class Duplicate:
    """A seed that equals another one."""

    seed: Seed
    kept: Seed


class Candidates:
    """All seeds that were found, on disk; use it as a context."""

    def __init__(self, folder: Path, run_seed: int):
        """Wait in an unnamed file in `folder`, which the system removes whatever happens."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)
        self._size = 0
        self._flushed = True
        self._run_seed = run_seed
        self._offsets, self._fingerprints = array("Q"), array("Q")
        self._codes, self._identities = array("Q"), array("Q")
        self._sources = array("H")

    def __enter__(self) -> Candidates:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, seed: Seed, *, fingerprint: int, source: int) -> None:
        """Put a seed aside.

        Args:
            fingerprint: 64 bits; seeds with the same one are duplicates.
        """
        row = marshal.dumps([getattr(seed, name) for name in _FIELDS])
        self._offsets.append(self._size)
        self._size += self._file.write(row)
        self._flushed = False
        self._fingerprints.append(fingerprint)
        self._codes.append(_hash(f"{self._run_seed}:{seed.code}"))
        self._identities.append(_hash(f"{seed.id}:{seed.version}:{seed.licence}:{seed.line}"))
        self._sources.append(source)

    def unique(self) -> NDArray[np.int64]:
        """Indices of the seeds that are kept, (n_kept,) int64, in the order of the draw."""
        order, first = self._groups()
        kept = order[first]
        return kept[np.lexsort((self._view(self._identities)[kept], self._view(self._codes)[kept]))]

    def duplicates(self) -> Iterator[Duplicate]:
        """The seeds that are not kept since they equal one that is."""
        order, first = self._groups()
        groups = np.flatnonzero(first)[np.cumsum(first) - 1]
        for position in np.flatnonzero(~first).tolist():
            yield Duplicate(self.seed(int(order[position])), self.seed(int(order[groups[position]])))

    def key(self, index: int) -> str:
        """A seed's place in the draw: 32 hexadecimal digits, the smallest is drawn first."""
        return f"{self._codes[index]:016x}{self._identities[index]:016x}"

    def source(self, index: int) -> int:
        """Number of the source that a seed comes from."""
        return self._sources[index]

    def seed(self, index: int) -> Seed:
        if not self._flushed:
            self._file.flush()
            self._flushed = True
        start = self._offsets[index]
        end = self._offsets[index + 1] if index + 1 < len(self._offsets) else self._size
        values: list[Any] = marshal.loads(os.pread(self._file.fileno(), end - start, start))
        return Seed(*values)

    def _groups(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """All indices, duplicates side by side and the one to keep first; whether one is the first of its group."""
        fingerprints = self._view(self._fingerprints)
        order = np.lexsort((self._view(self._identities), self._view(self._codes), fingerprints))
        first = np.ones(len(order), dtype=bool)
        first[1:] = fingerprints[order[1:]] != fingerprints[order[:-1]]
        return order, first

    def _view(self, values: array[int]) -> NDArray[np.uint64]:
        return np.frombuffer(values, dtype=np.uint64) if values else np.empty(0, dtype=np.uint64)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
