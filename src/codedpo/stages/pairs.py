"""Timings in, preference pairs out: for correctness and for efficiency.

The paper's rules are in pairing/rules.py, what it leaves open in pairing/filters.py; this file puts them in order:

  correctness   candidates of `rule`; the ranker's margin, the informative tests that the chosen one passes, and the
                difference of the two programs decide
  efficiency    candidates that the stage timings calls faster, on the credible tests as in the paper or on generated
                inputs; the ratio of run times, the scores (the chosen one must not be lower) and the difference of
                the two programs decide

At most `max_pairs` of each kind are kept of a task, and of pairs that other tasks have too only the first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from codedpo.checks import require_at_least
from codedpo.code.normal import fingerprint
from codedpo.context import Context
from codedpo.errors import ConfigError
from codedpo.pairing.filters import Filter, ProgramFilters, Selection, select
from codedpo.pairing.rules import (
    CORRECTNESS_RULES,
    SCORE_RULES,
    Choice,
    RuleSettings,
    faster_slower,
    margin,
    speedups,
)
from codedpo.pairing.spans import middle
from codedpo.places import Place
from codedpo.prompting import completion, solution_prompt
from codedpo.records import Pair, Ranking, Timing
from codedpo.store import read_records

Kind = Literal["correctness", "efficiency"]
_REPEATED = "equals a pair of an earlier task"


@dataclass(frozen=True)
class _Key:
    """What two pairs of different tasks have in common where one repeats the other."""

    kind: Kind
    chosen: str
    rejected: str


@dataclass(frozen=True)
class ChoosePairs:
    """Choose preference pairs."""

    NAME: ClassVar[str] = "pairs"
    VERSION: ClassVar[int] = 3
    MAKES: ClassVar[type] = Pair
    NEEDS: ClassVar[Literal["cores"]] = "cores"
    PROMPTS: ClassVar[tuple[str, ...]] = ("solution",)

    rule: str = "top_bottom"
    """Which solutions are candidates for correctness pairs: a name in `CORRECTNESS_RULES`."""
    k: int = 2
    """Solutions at each end that the rule `top_k_bottom_k` takes."""
    min_margin: float = 0.1
    """Least (chosen - rejected) / the larger score without sign, for the rules that go by scores; of little meaning for
    `b4`, whose scores are logarithms."""
    min_informative_tests: int = 1
    """Tests that some solutions pass and some fail, of which the chosen one passes at least this many."""
    min_text_difference: float = 0.0
    """Least share of lines that differ."""
    min_tree_difference: float = 0.0
    """Least share of syntax nodes that differ."""
    max_length_ratio: float = 4.0
    """The longer program may be this many times as long as the other; 0: any."""
    max_pairs: int = 1
    """Of one kind and one task."""
    drop_repeats: bool = True
    """Of pairs of the same two programs in several tasks (names of the functions aside) keep the first."""
    efficiency: bool = True
    min_speedup: float = 1.1
    """Least ratio of processor times of an efficiency pair, beside the verdict."""

    def __post_init__(self) -> None:
        if self.rule not in CORRECTNESS_RULES:
            raise ConfigError(f"pairs.rule: '{self.rule}' is unknown; choose from: {', '.join(CORRECTNESS_RULES)}")
        require_at_least(self, "pairs", k=1, max_pairs=1, min_informative_tests=0, min_margin=0, min_speedup=1)
        require_at_least(self, "pairs", min_text_difference=0, min_tree_difference=0, max_length_ratio=0)

    def skips(self, shards: Iterable[Place]) -> Iterator[frozenset[int]]:
        """For each shard of timings the numbers of its pairs, counted from 0, that an earlier task has too."""
        seen: set[_Key] = set()
        for shard in shards:
            repeated: set[int] = set()
            timings: list[Timing] = read_records(shard, Timing) if self.drop_repeats else []
            for number, key in enumerate(key for timing in timings for key in self._keys(timing)):
                if key in seen:
                    repeated.add(number)
                seen.add(key)
            yield frozenset(repeated)

    def __call__(self, rows: Iterable[Timing], context: Context) -> Iterator[Pair]:
        number = 0
        for timing in rows:
            task = timing.ranking.execution.samples.task
            assert task is not None
            for kind, selection in self.choose(timing).items():
                kept: list[Choice] = []
                repeated = 0
                for choice in selection.choices:
                    if number in context.skipped:
                        repeated += 1
                    else:
                        kept.append(choice)
                    number += 1
                yield from (_pair(timing, kind, choice) for choice in kept)
                reasons = [(_REPEATED, repeated)] * bool(repeated) + selection.stopped.most_common()
                if not kept:  # a task without a pair is told once, with the reason that came nearest or was most common
                    detail = "; ".join(f"{reason}: {count}" for reason, count in reasons)
                    context.drop(kind, task.id, reasons[0][0], detail)
                for reason, count in reasons if kept else ():
                    context.drop(f"{kind} candidate", task.id, reason, f"{count} candidates")
            context.advance(rows=1)

    def choose(self, timing: Timing) -> dict[Kind, Selection]:
        """The pairs of one task by kind, and why other candidates are none."""
        found: dict[Kind, Selection] = {"correctness": self.correctness(timing.ranking)}
        if self.efficiency:
            found["efficiency"] = self.speed(timing)
        return found

    def correctness(self, ranking: Ranking) -> Selection:
        """Correctness pairs of one task."""
        task = ranking.execution.samples.task
        settings = RuleSettings(self.k, seed=task.id if task else "")
        candidates = CORRECTNESS_RULES[self.rule](ranking, settings)
        passed = ranking.execution.passed
        informative = passed & passed.any(axis=0) & ~passed.all(axis=0)
        filters = [
            Filter(
                "chosen passes too few informative tests",
                lambda choice: int(informative[choice.chosen].sum()) >= self.min_informative_tests,
            ),
            *self._program_filters(ranking),
        ]
        if self.rule in SCORE_RULES:
            filters.insert(0, Filter("scores tie or differ too little", lambda choice: self._is_clear(ranking, choice)))
        found = select(candidates, filters, self.max_pairs, _programs_of(ranking))
        return found.or_because(f"no candidate by the rule {self.rule}")

    def speed(self, timing: Timing) -> Selection:
        """Efficiency pairs of one task."""
        if not len(timing.timed):
            return Selection(()).or_because("nothing was timed")
        if np.isfinite(timing.seconds).all(axis=1).sum() < 2:  # nan: a run that did not pass again
            return Selection(()).or_because("fewer than two solutions passed again")
        ratios, scores = speedups(timing), timing.ranking.solution_scores
        place = {index: row for row, index in enumerate(timing.timed.tolist())}
        filters = (
            Filter(
                "run times differ too little",
                lambda choice: ratios[place[choice.chosen], place[choice.rejected]] >= self.min_speedup,
            ),
            Filter(
                "the faster one has the lower score", lambda choice: scores[choice.chosen] >= scores[choice.rejected]
            ),
            *self._program_filters(timing.ranking),
        )
        found = select(faster_slower(timing), filters, self.max_pairs, _programs_of(timing.ranking))
        return found.or_because("no run time is shown to be shorter than another")

    def _is_clear(self, ranking: Ranking, choice: Choice) -> bool:
        scores = ranking.solution_scores
        return scores[choice.chosen] > scores[choice.rejected] and margin(scores, choice) >= self.min_margin

    def _program_filters(self, ranking: Ranking) -> tuple[Filter, ...]:
        bounds = ProgramFilters(self.min_text_difference, self.min_tree_difference, self.max_length_ratio)
        return bounds.of(ranking.execution.samples.solutions)

    def _keys(self, timing: Timing) -> Iterator[_Key]:
        samples = timing.ranking.execution.samples
        name = re.escape(samples.task.entry_point) if samples.task else "$^"
        for kind, selection in self.choose(timing).items():
            for choice in selection.choices:
                programs = (samples.solutions[index] for index in (choice.chosen, choice.rejected))
                yield _Key(kind, *(fingerprint(re.sub(rf"\b{name}\b", "_", program)) for program in programs))


def _programs_of(ranking: Ranking) -> Callable[[Choice], tuple[str, str]]:
    """The fingerprints of a candidate's two programs."""
    solutions = ranking.execution.samples.solutions
    return lambda choice: (fingerprint(solutions[choice.chosen]), fingerprint(solutions[choice.rejected]))


def _pair(timing: Timing, kind: Kind, choice: Choice) -> Pair:
    ranking, scores = timing.ranking, timing.ranking.solution_scores
    samples = ranking.execution.samples
    task = samples.task
    assert task is not None
    chosen, rejected = (samples.solutions[index] for index in (choice.chosen, choice.rejected))
    answers = completion(chosen), completion(rejected)
    differing = middle(answers[0]["content"], answers[1]["content"])
    is_timed = kind == "efficiency"
    return Pair(
        prompt=list(solution_prompt(task.text, task.signature)),
        chosen=[answers[0]],
        rejected=[answers[1]],
        kind=kind,
        task_id=task.id,
        chosen_index=choice.chosen,
        rejected_index=choice.rejected,
        chosen_program=chosen,
        rejected_program=rejected,
        chosen_score=float(scores[choice.chosen]),
        rejected_score=float(scores[choice.rejected]),
        margin=margin(scores, choice),
        chosen_middle=differing.first,
        rejected_middle=differing.second,
        chosen_seconds=timing.median_seconds(choice.chosen) if is_timed else math.nan,
        rejected_seconds=timing.median_seconds(choice.rejected) if is_timed else math.nan,
        ranker=ranking.ranker,
        seed=task.seed,
        generation=samples.solution_generation,
        timed_on="" if not is_timed else "inputs" if timing.workload else "tests",
        chosen_growth=_growth(timing, choice.chosen) if is_timed else math.nan,
        rejected_growth=_growth(timing, choice.rejected) if is_timed else math.nan,
    )


def _growth(timing: Timing, index: int) -> float:
    rows = np.flatnonzero(timing.timed == index)
    return float(timing.growth[rows[0]]) if timing.workload and len(rows) else math.nan
