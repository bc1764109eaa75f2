"""Two measurements of one benchmark in, how much faster the second one's programs run out, where both solve a problem.

As the CodeDPO paper measures efficiency (arXiv 2410.05605): on the problems that a model solves before and after, the
speed-up and the share of programs that are at least 10% faster. Each pair is timed on the inputs on which the reference
takes longest, by the engine that makes preference pairs (sandbox/timing.py): interleaved, in batches of new processes.
Beside them runs the first program once more: what it gains against itself is the noise floor (A/A).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from codedpo.benchmarks import Problem
from codedpo.benchmarks.oracle import Oracle
from codedpo.benchmarks.run_times import UNMEASURED, timed_tests
from codedpo.evaluate import Verdict
from codedpo.sandbox import Sandbox
from codedpo.sandbox.timing import TimingSettings, compare
from codedpo.scores import Score, mean_score

FASTER = 1.1
"""Speed-up from which a program counts as faster: the paper's."""
SETTINGS = TimingSettings(looks=(3, 6), rounds=6, max_seconds=6.0)
"""Two looks: an estimate is wanted, not a verdict on each problem."""


@dataclass(frozen=True)
class SpeedUp:
    """One problem that both solve."""

    problem: str
    ratio: float
    """Seconds of the first one's program / seconds of the second one's."""
    low: float
    """95% bootstrap interval over batches."""
    high: float
    floor: float
    """The same of the first one's program against itself."""
    calls: int
    """Inputs that were timed together."""
    seconds: float
    """Processor time of the first one's program on them, the median."""


@dataclass(frozen=True)
class Efficiency:
    """What speed-ups come to; intervals are bootstrap over problems."""

    mean: Score
    geometric_mean: Score
    faster: Score
    """Share that is at least 10% faster."""
    slower: Score
    """Share that takes at least 10% more."""


@dataclass(frozen=True)
class SpeedComparison:
    """Run times of two measurements on the problems that both solve."""

    items: tuple[SpeedUp, ...]
    left_out: Mapping[str, tuple[str, ...]]
    """Problems that both solve and that were not timed, by the reason."""
    found: Efficiency
    floor: Efficiency
    """Of the first one's programs against themselves."""


def compare_speed(
    problems: Sequence[Problem],
    first: Sequence[Verdict],
    second: Sequence[Verdict],
    sandbox: Sandbox,
    oracle: Oracle,
    *,
    workers: int = 1,
    on_timed: Callable[[str], None] = lambda problem: None,
) -> SpeedComparison | None:
    """Time the first right program of each on each problem that both solve; None where there is no such problem.

    Args:
        oracle: prepared for these problems.
        workers: problems timed at the same time.
        on_timed: told the id of each problem.

    Raises:
        SandboxError: the sandbox broke.
    """
    before, after = _right_programs(first), _right_programs(second)
    both = [problem for problem in problems if problem.id in before and problem.id in after]

    def timed(problem: Problem) -> SpeedUp | str:
        found = _timed(problem, before[problem.id], after[problem.id], sandbox, oracle)
        on_timed(problem.id)
        return found

    with ThreadPoolExecutor(workers) as threads:
        results = dict(zip([problem.id for problem in both], threads.map(timed, both), strict=True))
    items = tuple(result for result in results.values() if isinstance(result, SpeedUp))
    left_out: dict[str, tuple[str, ...]] = {}
    for name, result in results.items():
        if isinstance(result, str):
            left_out[result] = (*left_out.get(result, ()), name)
    if not items:
        return None
    found, floor = (efficiency([getattr(item, name) for item in items]) for name in ("ratio", "floor"))
    return SpeedComparison(items, left_out, found, floor)


def efficiency(ratios: Sequence[float]) -> Efficiency:
    """Of speed-ups, one a problem."""
    values = np.array(ratios)
    logs = mean_score(np.log(values))
    return Efficiency(
        mean=mean_score(values),
        geometric_mean=Score(math.exp(logs.value), math.exp(logs.low), math.exp(logs.high)),
        faster=mean_score((values >= FASTER).astype(float)),
        slower=mean_score((values <= 1 / FASTER).astype(float)),
    )


def _right_programs(verdicts: Sequence[Verdict]) -> dict[str, str]:
    """The first program that solves it, by problem."""
    return {verdict.problem: verdict.program for verdict in reversed(verdicts) if verdict.passed}


def _timed(problem: Problem, before: str, after: str, sandbox: Sandbox, oracle: Oracle) -> SpeedUp | str:
    """The speed-up, or why there is none."""
    if not problem.inputs:
        return "judged by statements, so there are no inputs to time"
    if not problem.called:
        return "a script; functions alone are timed"
    tests = timed_tests(problem, oracle)
    programs = [problem.runnable(program) for program in (before, after, before)]
    comparison = compare(sandbox, programs, tests, SETTINGS)
    if not comparison.measured.all():
        return UNMEASURED
    if not comparison.trusted[:2].all():
        return "its syntax does not rule out that a program shortens its own readings"
    found, floor = comparison.verdict(1, 0), comparison.verdict(2, 0)
    seconds = float(np.median(comparison.seconds[0]))
    return SpeedUp(problem.id, found.ratio, found.low, found.high, floor.ratio, len(tests), seconds)
