"""Solutions of a task in, which of them are faster out: interleaved rounds until a decision, or a bound on them.

A reading is the processor time of a solution's process for some passes over the tests, taken by the zygote
(jailed/timed.py). A round is one reading of each solution, in random order; a batch is some rounds in the same
processes. Every batch has new processes, in turn from two zygotes with different hash seeds, because a process has
its own luck (where its memory lies, what shares its caches) for life.

Statistics. Machines change speed within milliseconds (a busy neighbour on the same core costs a third), so only
readings of one round are compared: a batch gives the median of its rounds' log-ratios, and the batches give Student's t
interval of their mean. Whether two solutions differ by more than `min_effect` is asked after 4, 8, 16 and 32 batches;
each look spends an equal part of `alpha`, and so does each pair of solutions (Bonferroni), so that looking often, or
at the most extreme of many pairs, does not make a difference out of none. Bonferroni is cruder than the boundaries of
Lan and DeMets (Biometrika 70, 1983) but has no free choices. The interval that is reported is a percentile bootstrap
over batches (Efron and Tibshirani 1993, chapter 13); it is too narrow for few batches, so it decides nothing.
"""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from codedpo.checks import require_at_least
from codedpo.errors import ConfigError
from codedpo.sandbox.pool import Batch, Sandbox
from codedpo.sandbox.prepared import PreparedTest

Call = Literal["faster", "slower", "tie"]

_CALIBRATIONS = 2
_MAX_REPEATS = 256
_MAX_EXCESS = 4
"""A solution's reading may be this many times as long as asked for before it gets fewer passes than the fastest one."""
_MAX_LOAD_SECONDS = 0.02
"""Processor time for loading a solution and its arguments before a reading, unless it needs that for a single pass."""
_SLEEP_FACTOR = 5
_READING_OVERHEAD_SECONDS = 16e-6
_COLD_SHARE = 0.04
"""Of a module's load time: what a pass may take longer because more memory lies between what it reads."""
_RESAMPLES = 2000


@dataclass(frozen=True)
class TimingSettings:
    """How run times are compared."""

    alpha: float = 0.01
    """Chance that any two solutions that differ by less than `min_effect` are called different."""
    min_effect: float = 0.02
    """Least difference worth a verdict: the slower one takes 1 + min_effect times as long."""
    looks: tuple[int, ...] = (4, 8, 16, 32)
    """Numbers of batches after which to decide or go on; the last one ends in a tie."""
    rounds: int = 8
    """In a batch."""
    reading_seconds: float = 0.001
    """Processor time that a reading takes at least, as far as 256 passes over the tests reach."""
    max_seconds: float = 30.0
    """Processor time (or a fifth of the wall-clock time, where code sleeps) for all solutions together, after which the
    decision falls with what there is; two batches of one round are always taken."""

    def __post_init__(self) -> None:
        require_at_least(self, "timings", rounds=1, min_effect=0, reading_seconds=1e-6, max_seconds=1e-6)
        if not 0 < self.alpha < 1:
            raise ConfigError(f"timings.alpha: {self.alpha} must be between 0 and 1")
        if not self.looks or self.looks[0] < 2 or any(a >= b for a, b in itertools.pairwise(self.looks)):
            raise ConfigError(f"timings.looks: {list(self.looks)} must be increasing numbers, 2 or more each")


@dataclass(frozen=True)
class TimingVerdict:
    """One solution against another."""

    call: Call
    """What the first one is."""
    ratio: float
    """Seconds of the second one / seconds of the first one."""
    low: float
    """95% bootstrap interval of the ratio."""
    high: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Run times of solutions, and what they amount to."""

    seconds: NDArray[np.float64]
    """(n_solutions, n_batches * rounds) processor time of one pass over the tests; nan where it did not pass."""
    trusted: NDArray[np.bool_]
    """(n_solutions,) whether the syntax rules out that a solution shortens its readings; others are never faster."""
    settings: TimingSettings
    overhead: NDArray[np.float64] | None = None
    """(n_solutions,) seconds of a pass that may be the reading's own or that of the module's size; None: nothing."""

    @property
    def measured(self) -> NDArray[np.bool_]:
        """(n_solutions,) whether all readings are there."""
        return np.asarray(np.isfinite(self.seconds).all(axis=1))

    @property
    def faster(self) -> NDArray[np.bool_]:
        """(n_solutions, n_solutions) whether the row's solution is called faster than the column's."""
        n = len(self.seconds)
        found = np.zeros((n, n), dtype=bool)
        for i, j in itertools.permutations(np.flatnonzero(self.measured).tolist(), 2):
            clear = self._bounds(i, j)[0] > math.log1p(self.settings.min_effect)
            found[i, j] = self.trusted[i] and clear and self._is_beyond_overhead(i, j)
        return found

    def _is_beyond_overhead(self, first: int, second: int) -> bool:
        if self.overhead is None:
            return True
        return bool(np.median(self.seconds[second] - self.seconds[first]) > self.overhead[second])

    def verdict(self, first: int, second: int, *, seed: int = 0) -> TimingVerdict:
        """Compare two solutions by index; a tie, with nan, where one was not measured."""
        if not (self.measured[first] and self.measured[second]):
            return TimingVerdict("tie", math.nan, math.nan, math.nan)
        call: Call = "faster" if self.faster[first, second] else "slower" if self.faster[second, first] else "tie"
        logs = self._logs(first, second)
        low, high = bootstrap_interval(logs, seed)
        return TimingVerdict(call, math.exp(logs.mean()), math.exp(low), math.exp(high))

    def is_settled(self) -> bool:
        """Whether more rounds can change nothing about the fastest trusted and the slowest solution."""
        pair = self._extremes()
        if pair is None:
            return True
        low, high = self._bounds(*pair)
        effect = math.log1p(self.settings.min_effect)
        return low > effect or high < -effect or -effect < low <= high < effect

    def _extremes(self) -> tuple[int, int] | None:
        """The fastest trusted solution and the slowest one by their medians, if there are two."""
        measured = self.measured
        if not measured.any():
            return None
        logs = np.log(self.seconds)
        middle = np.median(logs - logs[measured].mean(axis=0), axis=1)
        slowest = int(np.where(measured, middle, -np.inf).argmax())
        able = measured & self.trusted
        able[slowest] = False
        return (int(np.where(able, middle, np.inf).argmin()), slowest) if able.any() else None

    def _bounds(self, first: int, second: int) -> tuple[float, float]:
        """Interval of the log-ratio at the error rate that one look at one pair may spend."""
        n = int(self.measured.sum())
        alpha = self.settings.alpha / len(self.settings.looks) / (n * (n - 1) // 2)
        return t_interval(self._logs(first, second), alpha)

    def _logs(self, first: int, second: int) -> NDArray[np.float64]:
        """(n_batches,) median over a batch's rounds of log(seconds of the second / seconds of the first)."""
        logs: NDArray[np.float64] = np.log(self.seconds[second] / self.seconds[first])
        return np.array([np.median(batch) for batch in logs.reshape(-1, self.settings.rounds)])


def compare(
    sandbox: Sandbox,
    solutions: Sequence[str],
    tests: Sequence[str | PreparedTest],
    settings: TimingSettings = TimingSettings(),
) -> Comparison:
    """Time the solutions on the tests until the fastest and the slowest are told apart or called a tie.

    Raises:
        SandboxError: the sandbox broke.
    """
    bench = _Bench(sandbox, solutions, tests)
    bench.calibrate(settings.reading_seconds)
    settings = replace(settings, rounds=bench.affordable_rounds(settings))
    batches: list[NDArray[np.float64]] = []
    comparison = Comparison(np.empty((len(solutions), 0)), bench.trusted, settings)
    for look in settings.looks:
        while len(batches) < look and (len(batches) < 2 or bench.used_seconds < settings.max_seconds):
            batches.append(bench.batch(settings.rounds))
        comparison = Comparison(np.concatenate(batches, axis=1), bench.trusted, settings, bench.overhead)
        if comparison.is_settled() or bench.used_seconds >= settings.max_seconds:
            break
    return comparison


class _Bench:
    """The solutions, how many passes a reading of each makes, and which of them still pass."""

    def __init__(self, sandbox: Sandbox, solutions: Sequence[str], tests: Sequence[str | PreparedTest]):
        self._sandbox = sandbox
        self._solutions = solutions
        self._tests = tests
        self._passing = list(range(len(solutions)))
        self._repeats = np.ones(len(solutions), dtype=int)
        self._load_seconds = np.zeros(len(solutions))
        self._argument_seconds = np.zeros(len(solutions))
        self._once = np.zeros(len(solutions))
        self._seed = 0
        self.trusted: NDArray[np.bool_] = np.zeros(len(solutions), dtype=bool)
        self.used_seconds = 0.0

    def batch(self, rounds: int) -> NDArray[np.float64]:
        """(n_solutions, rounds) seconds of a pass, from new processes; nan for solutions that failed, now or before."""
        seconds = np.full((len(self._solutions), rounds), np.nan)
        if not self._passing:
            return seconds
        start = time.monotonic()
        answer = self._sandbox.measure(
            [self._solutions[index] for index in self._passing],
            self._tests,
            Batch(
                repeats=tuple(self._repeats[self._passing].tolist()),
                readings=rounds + 1,  # the first one meets cold caches
                seed=self._seed,
            ),
        )
        wall_seconds = time.monotonic() - start
        used_seconds = 0.0
        self._seed += 1
        self.trusted[self._passing] = answer["trusted"]
        self._load_seconds[self._passing] = answer["load_seconds"]
        self._argument_seconds[self._passing] = answer["argument_seconds"]
        for index, found in zip(list(self._passing), answer["seconds"], strict=True):
            if found is None:
                self._passing.remove(index)
            else:
                seconds[index] = found[1:]
                used_seconds += (sum(found) + self._before[index] * len(found)) * int(self._repeats[index])
        self.used_seconds += max(used_seconds, wall_seconds / _SLEEP_FACTOR)
        return seconds

    @property
    def _before(self) -> NDArray[np.float64]:
        """(n_solutions,) seconds that the preparation of a pass takes."""
        return self._load_seconds + self._argument_seconds

    @property
    def overhead(self) -> NDArray[np.float64]:
        """(n_solutions,) seconds of a pass: a reading's own, and cold memory, which grows with the module."""
        return _READING_OVERHEAD_SECONDS / self._repeats + _COLD_SHARE * self._load_seconds

    def affordable_rounds(self, settings: TimingSettings) -> int:
        """Rounds of a batch such that the first look fits into the budget; 1 at least."""
        once = float(np.nansum(self._once * self._repeats))
        return max(1, min(settings.rounds, int(settings.max_seconds / settings.looks[0] / once))) if once else 1

    def calibrate(self, reading_seconds: float) -> None:
        """Choose the passes of a reading: the same for all but much slower solutions, so that overheads are alike."""
        for _ in range(_CALIBRATIONS):
            self._once = once = np.median(self.batch(2), axis=1)
            if not self._passing:
                return
            most = min(_MAX_REPEATS, math.ceil(reading_seconds / np.nanmin(once)))
            excess = most * np.maximum(once / reading_seconds / _MAX_EXCESS, self._before / _MAX_LOAD_SECONDS)
            repeats = most / 2 ** np.ceil(np.log2(np.maximum(1, excess)))
            self._repeats = np.maximum(1, np.nan_to_num(repeats, nan=1)).astype(int)
            if (self._repeats == 1).all():
                return


def t_interval(values: NDArray[np.float64], alpha: float) -> tuple[float, float]:
    """Student's interval of the mean of `values` (n,), which misses it with chance `alpha`, half of it on each side."""
    half = t_quantile(1 - alpha / 2, len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    middle = float(values.mean())
    return middle - half, middle + half


@functools.cache
def t_quantile(probability: float, freedom: int) -> float:
    """Quantile above the median of Student's t distribution, by bisection."""
    low, high = 0.0, 1.0
    while t_distribution(high, freedom) < probability:
        high *= 2
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if t_distribution(middle, freedom) < probability else (low, middle)
    return high


def t_distribution(t: float, freedom: int) -> float:
    """Probability of a value below t >= 0: Abramowitz and Stegun (1964), 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    term, total = (math.cos(angle), 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= math.cos(angle) ** 2 * k / (k + 1)
    inner = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return (1 + inner) / 2


def bootstrap_interval(values: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """95% percentile bootstrap interval of the mean of `values` (n,)."""
    draws = np.random.default_rng(seed).integers(len(values), size=(_RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
