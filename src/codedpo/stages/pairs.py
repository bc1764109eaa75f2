"""Timings in, preference pairs out: at most one correctness and one efficiency pair per task.

Correctness (paper, section 3.2): the highest-scored solution is preferred to the lowest-scored one, if
  1. its score is higher by at least `min_margin` of its own (so never on a tie),
  2. it passes at least `min_informative_tests` tests that some solutions pass and some fail,
  3. the two programs differ in normal form.
Efficiency (paper, section 3.3): of the solutions that pass all credible tests, one is preferred to another, if
  4. the stage timings calls it faster, and its processor time is lower by the factor `min_speedup` (on the credible
     tests as in the paper, or on generated inputs),
  5. it is not lower in score;
of several such pairs the one with the highest ratio of processor times is taken.
Of solutions with equal scores the first sampled one is taken. The thresholds are ours: the paper gives none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from codedpo.code.normal import fingerprint
from codedpo.context import Context
from codedpo.prompting import completion, solution_prompt
from codedpo.records import Pair, Ranking, Timing

Kind = Literal["correctness", "efficiency"]


@dataclass(frozen=True)
class ChoosePairs:
    """Choose preference pairs."""

    NAME: ClassVar[str] = "pairs"
    VERSION: ClassVar[int] = 3
    MAKES: ClassVar[type] = Pair
    NEEDS: ClassVar[Literal["cores"]] = "cores"

    min_margin: float = 0.1
    """(chosen - rejected) / chosen score."""
    min_informative_tests: int = 1
    min_speedup: float = 1.1
    efficiency: bool = True

    def __call__(self, rows: Iterable[Timing], context: Context) -> Iterator[Pair]:
        for timing in rows:
            task = timing.ranking.execution.samples.task
            assert task is not None
            found: dict[Kind, tuple[int, int] | str] = {
                "correctness": self.correctness(timing.ranking),
                "efficiency": self.speed(timing),
            }
            for kind, choice in found.items():
                if isinstance(choice, str):
                    context.drop(kind, task.id, choice)
                else:
                    yield _pair(timing, kind, *choice)
            context.advance(rows=1)

    def correctness(self, ranking: Ranking) -> tuple[int, int] | str:
        """(chosen, rejected) indices of solutions, or why there is no such pair."""
        scores, passed = ranking.solution_scores, ranking.execution.passed
        chosen, rejected = int(scores.argmax()), int(scores.argmin())
        if scores[chosen] - scores[rejected] < self.min_margin * scores[chosen] or scores[chosen] <= scores[rejected]:
            return "scores tie or differ too little"
        informative = passed.any(axis=0) & ~passed.all(axis=0)
        if (passed[chosen] & informative).sum() < self.min_informative_tests:
            return "chosen passes too few informative tests"
        if _same_program(ranking, chosen, rejected):
            return "the two programs are the same"
        return chosen, rejected

    def speed(self, timing: Timing) -> tuple[int, int] | str:
        """(chosen, rejected) indices of solutions, or why there is no such pair."""
        if not self.efficiency:
            return "efficiency pairs are switched off"
        measured = np.isfinite(timing.seconds).all(axis=1)  # (n_timed,) nan: a run that did not pass again
        if measured.sum() < 2:
            return "fewer than two solutions to compare"
        if not timing.faster.any():
            return "no run time is shown to be shorter than another"
        ratios = np.where(timing.faster, _speedups(timing), 0.0)
        if ratios.max() < self.min_speedup:
            return "run times differ too little"
        scores = timing.ranking.solution_scores[timing.timed]
        ratios = np.where(scores[:, None] >= scores, ratios, 0.0)
        if ratios.max() < self.min_speedup:
            return "the faster one has the lower score"
        fast, slow = np.unravel_index(ratios.argmax(), ratios.shape)
        return int(timing.timed[fast]), int(timing.timed[slow])


def _speedups(timing: Timing) -> NDArray[np.float64]:
    """(n_timed, n_timed) the column's seconds / the row's, median over rounds."""
    return np.array([np.median(timing.seconds / row, axis=1) for row in timing.seconds])


def _same_program(ranking: Ranking, first: int, second: int) -> bool:
    solutions = ranking.execution.samples.solutions
    return fingerprint(solutions[first]) == fingerprint(solutions[second])


def _pair(timing: Timing, kind: Kind, chosen: int, rejected: int) -> Pair:
    samples, scores = timing.ranking.execution.samples, timing.ranking.solution_scores
    task = samples.task
    assert task is not None
    return Pair(
        prompt=list(solution_prompt(task.text, task.signature)),
        chosen=[completion(samples.solutions[chosen])],
        rejected=[completion(samples.solutions[rejected])],
        kind=kind,
        task_id=task.id,
        chosen_index=chosen,
        rejected_index=rejected,
        chosen_program=samples.solutions[chosen],
        rejected_program=samples.solutions[rejected],
        chosen_score=float(scores[chosen]),
        rejected_score=float(scores[rejected]),
        margin=float((scores[chosen] - scores[rejected]) / scores[chosen]) if scores[chosen] else 0.0,
        chosen_seconds=_seconds(timing, chosen),
        rejected_seconds=_seconds(timing, rejected),
        ranker=timing.ranking.ranker,
        seed=task.seed,
        generation=samples.solution_generation,
        timed_on="inputs" if timing.workload else "tests" if len(timing.timed) else "",
        chosen_growth=_growth(timing, chosen),
        rejected_growth=_growth(timing, rejected),
    )


def _seconds(timing: Timing, index: int) -> float:
    rows = np.flatnonzero(timing.timed == index)
    return float(np.median(timing.seconds[rows[0]])) if len(rows) else math.nan


def _growth(timing: Timing, index: int) -> float:
    rows = np.flatnonzero(timing.timed == index)
    return float(timing.growth[rows[0]]) if timing.workload and len(rows) else math.nan
