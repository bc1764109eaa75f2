# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false
# (rensa is not typed)
"""Functions in, one representative for each set of near-duplicates out, by MinHash over token 5-grams.

Comments, docstrings, layout, brackets and quotes do not count, names do: a skeleton that many short functions share is
not a copy. Signatures are rensa's R-MinHash with 128 permutations; candidates share a band (Leskovec, Rajaraman and
Ullman, "Mining of Massive Datasets", 3.4) and are kept only where the signatures' estimate of the Jaccard similarity
(standard error 0.04 at 0.7) reaches the threshold, so a chance meeting in a band merges nothing.
Memory is linear, about 1,700 bytes per function at the peak (docs/performance.md).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from codedpo.code.grams import lex, mixed, window_sums

SHINGLE = 5
"""Tokens."""
PERMUTATIONS = 128
_SEED = 2410
_BATCH = 512
_MIN_FOUND = 0.9
_MAX_BUCKET = 32
_CHUNK = 1 << 14

Signatures = NDArray[np.uint32]
Edges = NDArray[np.int64]


class NearDuplicates:
    """Collects functions; the result depends on the keys and the programs, not on the order in which they came.

    Of similar functions the one with the smallest key is kept: keys are gone through in ascending order, and a
    function is left out exactly where it is similar to one that is kept. So whatever is dropped is similar to its
    representative itself, never through a chain.
    """

    def __init__(self, threshold: float = 0.7) -> None:
        """
        Args:
            threshold: Jaccard similarity of the 5-gram sets, above 0 and at most 1, from which two functions are one.
                At 1 those that agree in all 128 values: equal ones, and of those at 0.99 about a quarter.
        """
        if not 0 < threshold <= 1:
            raise ValueError(f"near-duplicate threshold {threshold} is not above 0 and at most 1")
        self.threshold = threshold
        self._keys: list[str] = []
        self._blocks: list[Signatures] = []
        self._shingles: list[NDArray[np.uint64]] = []

    def add(self, key: str, code: str) -> None:
        """Add one function under a key of its own; a key that comes twice is an error when the result is asked for."""
        tokens = lex(code).tokens
        self._shingles.append(window_sums(tokens, (min(SHINGLE, max(len(tokens), 1)),))[0])
        self._keys.append(key)
        if len(self._shingles) >= _BATCH:
            self._sign()

    def representatives(self) -> dict[str, str]:
        """Key -> the key that is kept in its place: itself where it is kept.

        Raises:
            ValueError: a key was added twice.
        """
        self._sign()
        if len(set(self._keys)) < len(self._keys):
            raise ValueError("near-duplicates: a key was added twice; keys must be unique")
        order = sorted(range(len(self._keys)), key=self._keys.__getitem__)
        if not order:
            return {}
        signatures = np.concatenate(self._blocks)[order]
        self._blocks = [signatures]
        self._keys = [self._keys[position] for position in order]
        first = _first_of_equals(signatures)
        kept = _greedy(len(order), _edges(signatures, np.unique(first), self.threshold))[first]
        return {key: self._keys[place] for key, place in zip(self._keys, kept.tolist())}

    def _sign(self) -> None:
        if not self._shingles:
            return
        ends = np.cumsum([0, *(len(part) for part in self._shingles)], dtype=np.uint64)
        flat = mixed(np.concatenate(self._shingles))
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(flat, ends, PERMUTATIONS, _SEED)
        self._blocks.append(np.array(matrix.to_rows(), np.uint32).reshape(-1, PERMUTATIONS))
        self._shingles = []


def banding(threshold: float, permutations: int = PERMUTATIONS) -> int:
    """Rows per band: the most with which a pair at the threshold still shares a band with probability 0.9."""
    rows = 1
    while 1 - (1 - threshold ** (rows + 1)) ** (permutations // (rows + 1)) >= _MIN_FOUND and rows < permutations:
        rows += 1
    return rows


def _first_of_equals(signatures: Signatures) -> NDArray[np.int64]:
    """(n,) the first position with the same signature.

    One function stands for its equals, or one that was copied 10,000 times would be 10**8 pairs.
    """
    _, first, inverse = np.unique(_row_hashes(signatures), return_index=True, return_inverse=True)
    return first[inverse]


def _edges(signatures: Signatures, members: NDArray[np.int64], threshold: float) -> Edges:
    """(n_edges, 2) pairs of members, the smaller first, whose estimated similarity reaches the threshold."""
    rows = banding(threshold)
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, PERMUTATIONS - rows + 1, rows):
        for pairs in _bucket_pairs(signatures, members, start, rows):
            alike = (signatures[pairs[:, 0]] == signatures[pairs[:, 1]]).mean(axis=1)
            found.append(pairs[alike >= threshold])
    return np.unique(np.concatenate(found), axis=0)


def _bucket_pairs(signatures: Signatures, members: NDArray[np.int64], start: int, rows: int) -> Iterator[Edges]:
    """Pairs of functions with an equal band, in pieces; of a bucket each member with the next `_MAX_BUCKET`.

    Within a bucket members lie in the order of their whole signatures, so that a large bucket pairs the most alike,
    and the same ones whatever the order of adding.
    """
    band = _row_hashes(signatures[members, start : start + rows])
    whole = signatures[members, (start + rows) % PERMUTATIONS]
    order = np.lexsort((members, whole, band))
    sorted_band, sorted_members = band[order], members[order]
    for distance in range(1, _MAX_BUCKET + 1):
        hits = np.flatnonzero(sorted_band[distance:] == sorted_band[:-distance])
        if not len(hits):
            return
        for piece in range(0, len(hits), _CHUNK):
            chosen = hits[piece : piece + _CHUNK]
            yield np.sort(np.stack([sorted_members[chosen], sorted_members[chosen + distance]], axis=1), axis=1)


def _greedy(count: int, edges: Edges) -> NDArray[np.int64]:
    """(count,) the position that is kept in place of each."""
    kept = np.arange(count)
    neighbours = _both_ways(edges)
    starts = np.searchsorted(neighbours[:, 0], np.arange(count + 1))
    for position in np.unique(edges).tolist():
        if kept[position] == position:
            around = neighbours[starts[position] : starts[position + 1], 1]
            later = around[(around > position) & (kept[around] == around)]
            kept[later] = position
    return kept


def _both_ways(edges: Edges) -> Edges:
    both = np.concatenate([edges, edges[:, ::-1]])
    return both[np.argsort(both[:, 0], kind="stable")]


def _row_hashes(rows: Signatures) -> NDArray[np.uint64]:
    """(n,) one 64-bit hash per row."""
    total = np.zeros(len(rows), np.uint64)
    for column in rows.T:
        total = mixed(total ^ column) + np.uint64(0x9E3779B97F4A7C15)
    return total
