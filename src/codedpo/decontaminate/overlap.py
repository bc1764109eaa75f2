"""Preference pairs and the problems of a benchmark in, which problems the pairs give away out: it stands by a score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from codedpo.benchmarks import Problem
from codedpo.benchmarks.texts import BenchmarkText
from codedpo.decontaminate.building import build, collect, common_hashes
from codedpo.decontaminate.index import Index
from codedpo.decontaminate.shipped import load_index
from codedpo.records import Pair

MOST_PAIRS = 10_000
"""Pairs that are looked at, an even share of more."""


@dataclass(frozen=True)
class Overlap:
    """What of the training data gives away a problem of the benchmark."""

    pairs: int
    """Those looked at."""
    matched: int
    """Of them, those whose task or programs give a problem away (docs/decontamination.md tells by what)."""
    problems: tuple[str, ...]
    """Problems that are given away, the most often first."""

    def describe(self) -> str:
        """One line."""
        named = f": {', '.join(self.problems[:5])}{' ...' if len(self.problems) > 5 else ''}" if self.problems else ""
        return f"{self.matched} of {self.pairs:,} training pairs give away {len(self.problems)} of its problems{named}"


def overlap(pairs: Iterable[Pair], n_pairs: int, problems: Sequence[Problem]) -> Overlap:
    """Look for the problems in tasks and programs of the pairs.

    Args:
        n_pairs: how many there are.
    """
    index, step = _index(problems), -(-n_pairs // MOST_PAIRS)
    looked, matched = 0, 0
    found: Counter[str] = Counter()
    for place, pair in enumerate(pairs):
        if place % step:
            continue
        looked += 1
        text = "\n".join(message["content"] for message in pair.prompt)
        items = {
            match.item
            for program in (pair.chosen_program, pair.rejected_program)
            if (match := index.matches(program, text))
        }
        matched += bool(items)
        found.update(items)
    return Overlap(looked, matched, tuple(name for name, _ in found.most_common()))


def _index(problems: Sequence[Problem]) -> Index:
    """Of these problems alone; what is generic is told by the package's whitelist and by what several of them share."""
    texts = [
        BenchmarkText(
            "", problem.id, f"{problem.text}\n{problem.prompt}".strip(), solutions, problem.entry_point, problem.id
        )
        for problem in problems
        for solutions in [(problem.reference,) if problem.reference else ()]
    ]
    evidence = [part for text in texts for part in collect(text)]
    return build(texts, evidence, np.union1d(load_index().generic, common_hashes(evidence)))
