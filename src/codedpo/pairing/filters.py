"""Candidates for pairs in, those that pass every filter out, and how many each filter stopped.

The paper names no thresholds; all of these are ours, each can be switched off, and each one's drops are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from codedpo.code.difference import text_difference, tree_difference
from codedpo.code.normal import fingerprint
from codedpo.pairing.rules import Choice
from codedpo.pairing.spans import length_ratio

_Keeps = Callable[[str, str], bool]


@dataclass(frozen=True)
class Filter:
    """A condition on a candidate, and what is said of one that fails it."""

    reason: str
    keeps: Callable[[Choice], bool]


@dataclass(frozen=True)
class Selection:
    """What became of a task's candidates."""

    choices: tuple[Choice, ...]
    stopped: Counter[str] = field(default_factory=Counter[str])
    """Reason -> candidates; those after the last choice were not looked at."""

    def or_because(self, reason: str) -> Selection:
        """The same, with a reason where there was no candidate at all."""
        return self if self.choices or self.stopped else Selection((), Counter({reason: 1}))


@dataclass(frozen=True)
class ProgramFilters:
    """Bounds on how two programs differ; 0 switches one off."""

    min_text_difference: float
    min_tree_difference: float
    max_length_ratio: float

    def of(self, programs: Sequence[str]) -> tuple[Filter, ...]:
        """The filters for the solutions of one task, the cheap ones first."""
        bounds: tuple[tuple[float, str, _Keeps], ...] = (
            (1.0, "the two programs are the same", lambda a, b: fingerprint(a) != fingerprint(b)),
            (
                self.max_length_ratio,
                "one program is too much longer than the other",
                lambda a, b: length_ratio(a, b) <= self.max_length_ratio,
            ),
            (
                self.min_text_difference,
                "the texts differ too little",
                lambda a, b: text_difference(a, b) >= self.min_text_difference,
            ),
            (
                self.min_tree_difference,
                "the syntax trees differ too little",
                lambda a, b: tree_difference(a, b) >= self.min_tree_difference,
            ),
        )
        return tuple(Filter(reason, _on(programs, keeps)) for bound, reason, keeps in bounds if bound)


def _on(programs: Sequence[str], keeps: _Keeps) -> Callable[[Choice], bool]:
    return lambda choice: keeps(programs[choice.chosen], programs[choice.rejected])


def select(
    candidates: Iterable[Choice], filters: Sequence[Filter], limit: int, key: Callable[[Choice], Hashable]
) -> Selection:
    """The first candidates that every filter keeps, at most `limit`, and of those with one key the first."""
    kept: list[Choice] = []
    keys: set[Hashable] = set()
    stopped: Counter[str] = Counter()
    for candidate in candidates:
        reason = next((found.reason for found in filters if not found.keeps(candidate)), None)
        if reason is None and key(candidate) in keys:
            reason = "equals another pair of the task"
        if reason is not None:
            stopped[reason] += 1
            continue
        kept.append(candidate)
        keys.add(key(candidate))
        if len(kept) == limit:
            break
    return Selection(tuple(kept), stopped)
