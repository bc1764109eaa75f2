"""A ranking or a timing in, candidates for preference pairs out, the best first: what each published rule proposes.

CodeDPO (arXiv 2410.05605, section 3.2) prefers the highest-scored solution to the lowest-scored one: `top_bottom`. It
does not say what to do with ties: here each of the tied ones is a candidate, in the order in which they were sampled.
For efficiency (section 3.3) it prefers, among the solutions that pass all credible tests, the one with less run time:
`faster_slower`. What the paper leaves open (thresholds, differences, numbers of pairs) is in filters.py.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.records import Ranking, Timing

_ACECODER_LEAST, _ACECODER_GAP = 0.8, 0.4


@dataclass(frozen=True)
class Choice:
    """Two solutions of a task, by index."""

    chosen: int
    rejected: int


@dataclass(frozen=True)
class RuleSettings:
    """What rules may need beside the ranking."""

    k: int
    """Solutions at each end that `top_k_bottom_k` takes."""
    seed: str
    """What `code_optimise` draws by."""


def top_bottom(ranking: Ranking, settings: RuleSettings) -> Iterator[Choice]:
    """CodeDPO: the highest-scored solution against the lowest-scored one."""
    scores = ranking.solution_scores
    top, bottom = np.flatnonzero(scores == scores.max()), np.flatnonzero(scores == scores.min())
    yield from (Choice(i, j) for i, j in itertools.product(top.tolist(), bottom.tolist()) if i != j)


def over_margin(ranking: Ranking, settings: RuleSettings) -> Iterator[Choice]:
    """Every two solutions of different scores (the filter `min_margin` applies), the largest margin first."""
    yield from _by_margin(ranking.solution_scores, range(len(ranking.solution_scores)))


def top_k_bottom_k(ranking: Ranking, settings: RuleSettings) -> Iterator[Choice]:
    """Each of the k highest-scored solutions against each of the k lowest-scored ones, the largest margin first."""
    order = np.argsort(-ranking.solution_scores, kind="stable").tolist()
    top, bottom = set(order[: settings.k]), set(order[-settings.k :])
    ends = _by_margin(ranking.solution_scores, sorted(top | bottom))
    yield from (choice for choice in ends if choice.chosen in top and choice.rejected in bottom)


def acecoder(ranking: Ranking, settings: RuleSettings) -> Iterator[Choice]:
    """AceCoder (arXiv 2502.01718): chosen passes 0.8 of the tests or more, rejected 0.4 less but some."""
    passed = ranking.execution.passed
    share = passed.mean(axis=1) if passed.size else np.zeros(len(passed))
    for choice in _by_margin(share, range(len(share))):
        chosen, rejected = share[choice.chosen], share[choice.rejected]
        if chosen >= _ACECODER_LEAST and chosen - rejected >= _ACECODER_GAP - 1e-9 and rejected > 0:
            yield choice


def code_optimise(ranking: Ranking, settings: RuleSettings) -> Iterator[Choice]:
    """Code-Optimise (arXiv 2406.12502): a random solution that passes against a random one that fails.

    To pass is to pass all credible tests: there is no other authority here.
    """
    if not ranking.credible.any():
        return
    passes = ranking.execution.passed[:, ranking.credible].all(axis=1)
    pairs = list(itertools.product(np.flatnonzero(passes).tolist(), np.flatnonzero(~passes).tolist()))
    random.Random(settings.seed).shuffle(pairs)
    yield from (Choice(*pair) for pair in pairs)


def faster_slower(timing: Timing) -> Iterator[Choice]:
    """CodeDPO: of two solutions that pass all credible tests the faster one, the highest ratio of run times first.

    Faster is what the stage timings calls so; a ratio alone may be noise.
    """
    ratios = np.where(timing.faster, speedups(timing), 0.0)
    for place in np.argsort(-ratios, axis=None, kind="stable").tolist():
        fast, slow = divmod(place, len(ratios))
        if ratios[fast, slow] <= 0:
            return
        yield Choice(int(timing.timed[fast]), int(timing.timed[slow]))


def speedups(timing: Timing) -> NDArray[np.float64]:
    """(n_timed, n_timed) the column's seconds / the row's, median over rounds."""
    found = [np.median(timing.seconds / row, axis=1) for row in timing.seconds]
    return np.array(found).reshape(len(timing.timed), len(timing.timed))


def margin(scores: NDArray[np.float64], choice: Choice) -> float:
    """(chosen - rejected) / the larger of the two scores without sign: 0 to 1 where no score is negative."""
    chosen, rejected = float(scores[choice.chosen]), float(scores[choice.rejected])
    largest = max(abs(chosen), abs(rejected))
    return (chosen - rejected) / largest if largest else 0.0


def _by_margin(scores: NDArray[np.float64], indices: range | list[int]) -> Iterator[Choice]:
    """Every two of these solutions of different scores, the largest margin first, then the largest difference."""
    pairs = [Choice(i, j) for i, j in itertools.permutations(indices, 2) if scores[i] > scores[j]]
    pairs.sort(key=lambda choice: (-margin(scores, choice), scores[choice.rejected] - scores[choice.chosen]))
    yield from pairs


CORRECTNESS_RULES: dict[str, Callable[[Ranking, RuleSettings], Iterator[Choice]]] = {
    "top_bottom": top_bottom,
    "over_margin": over_margin,
    "top_k_bottom_k": top_k_bottom_k,
    "acecoder": acecoder,
    "code_optimise": code_optimise,
}
SCORE_RULES = frozenset({"top_bottom", "over_margin", "top_k_bottom_k"})
"""Rules that go by the ranker's scores, so that `min_margin` applies."""
