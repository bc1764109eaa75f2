"""An index of hashes and a program in, the benchmark problem that the program gives away out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from codedpo.benchmarks.texts import TEXT_SOURCES
from codedpo.code.grams import Hashes
from codedpo.decontaminate.evidence import KINDS, PROGRAM, RENAMED, WHOLE, query_hashes

KNOWN = (*TEXT_SOURCES, "effibench", "evalperf", "mercury")
"""Every benchmark that a report names; the last three have no text loader yet."""
_SIEVE_BITS = 24
_SIEVE_SHIFT = np.uint64(64 - _SIEVE_BITS)


@dataclass(frozen=True)
class Match:
    """A problem that was recognised."""

    benchmark: str
    item: str
    how: str
    """The kind of evidence, see docs/decontamination.md."""


@dataclass(frozen=True)
class Group:
    """What belongs together: one solution, prompt or entry point of one problem."""

    benchmark: str
    item: str
    kind: int
    """Position in `KINDS`."""


@dataclass(frozen=True, eq=False)
class Index:
    """Hashes of benchmark problems; a hash belongs to one or several groups."""

    hashes: Hashes
    """(n_entries,) ascending."""
    members: NDArray[np.uint32]
    """(n_entries,) the group of each hash."""
    groups: tuple[Group, ...]
    names: frozenset[int]
    """Hashes of entry points."""
    generic: Hashes
    """(n_generic,) ascending: hashes on the whitelist."""
    checked: tuple[str, ...]
    """Benchmarks whose problems are in here."""

    @property
    def unchecked(self) -> tuple[str, ...]:
        """Benchmarks that codedpo knows and for which no data was at hand."""
        return tuple(name for name in KNOWN if name not in self.checked)

    def matches(self, code: str, text: str = "", entry_point: str = "") -> Match | None:
        """The problem with the strongest evidence that it is in the program or the text, or None.

        Args:
            code: a function or a whole program; need not parse.
            text: a task's text.
            entry_point: the task's function; functions that the code defines are looked at anyway.
        """
        found = self._found(query_hashes(code, text, entry_point, self.names))
        if found is None:
            return None
        groups, counts = np.unique(found, return_counts=True)
        shares = counts / self._sizes[groups]
        margins = shares - self._coverages[groups]
        best = int(np.argmax(margins))
        if margins[best] < 0:
            return None
        group = self.groups[int(groups[best])]
        whole = group.kind in (PROGRAM, RENAMED) and shares[best] == 1
        return Match(group.benchmark, group.item, _how(group.kind, whole))

    def _found(self, hashes: Hashes) -> NDArray[np.uint32] | None:
        """The groups of the hashes that are in the index, one entry per hash and group."""
        hashes = hashes[self._sieve[hashes >> _SIEVE_SHIFT]]
        if not len(hashes):
            return None
        starts = np.searchsorted(self.hashes, hashes)
        present = self.hashes[np.minimum(starts, len(self.hashes) - 1)] == hashes
        hashes = np.unique(hashes[present])
        if not len(hashes):
            return None
        starts = np.searchsorted(self.hashes, hashes)
        ends = np.searchsorted(self.hashes, hashes, side="right")
        spans = [self.members[start:end] for start, end in zip(starts, ends)]
        return np.concatenate(spans)

    @cached_property
    def _sieve(self) -> NDArray[np.bool_]:
        """(2**24,) whether any hash begins with these bits: nearly all of a query ends here."""
        sieve = np.zeros(1 << _SIEVE_BITS, np.bool_)
        sieve[self.hashes >> _SIEVE_SHIFT] = True
        return sieve

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        return np.bincount(self.members, minlength=len(self.groups))

    @cached_property
    def _coverages(self) -> NDArray[np.float64]:
        return np.array([KINDS[group.kind].coverage for group in self.groups])


def _how(kind: int, whole: bool) -> str:
    if not whole:
        return KINDS[kind].how
    return WHOLE if kind == PROGRAM else f"{WHOLE}, renamed"


def sorted_entries(hashes: Sequence[Hashes]) -> tuple[Hashes, NDArray[np.uint32]]:
    """The hashes of all groups in ascending order, and the group of each."""
    members = np.repeat(np.arange(len(hashes), dtype=np.uint32), [len(part) for part in hashes])
    flat = np.concatenate([np.empty(0, np.uint64), *hashes])
    order = np.argsort(flat, kind="stable")
    return flat[order], members[order]


def merge(first: Index, second: Index) -> Index:
    """Both indices in one; of a benchmark that both hold the first one's."""
    taken = np.array([group.benchmark not in first.checked for group in second.groups], bool)
    numbers = np.cumsum(taken, dtype=np.uint32) - 1 + len(first.groups)
    kept = taken[second.members]
    hashes = np.concatenate([first.hashes, second.hashes[kept]])
    members = np.concatenate([first.members, numbers[second.members[kept]]]).astype(np.uint32)
    order = np.argsort(hashes, kind="stable")
    return Index(
        hashes=hashes[order],
        members=members[order],
        groups=(*first.groups, *(group for group, take in zip(second.groups, taken) if take)),
        names=first.names | second.names,
        generic=np.union1d(first.generic, second.generic),
        checked=tuple(name for name in KNOWN if name in {*first.checked, *second.checked}),
    )
