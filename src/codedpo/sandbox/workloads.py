"""Solutions and generators of inputs in, a call that takes long enough to be timed out, or why no generator gives one.

Sizes grow fourfold until the reference (the best-scored solution) takes `_LEAST_SECONDS`. They stop before any other
solution takes more than `_MOST_SECONDS` or fails, so that a solution that is slow by its growth, the one worth
finding, can still be timed: then it, not the reference, takes the milliseconds. Outputs need no expected value: the
solutions must agree on them (jailed/agreement.py) at every size that is timed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codedpo.records import Workload
from codedpo.sandbox.pool import Batch, Disagreement, Sandbox
from codedpo.sandbox.prepared import prepared_call

_LEAST_SECONDS, _MOST_SECONDS = 0.001, 0.05
_LIMIT_SECONDS = 0.25
"""Processor time after which a call is given up: a size at which one takes so long is never chosen."""
_FIRST_SIZE, _LAST_SIZE = 16, 1 << 20
_STEP, _FINEST_STEP = 4, 1.5
_SMALLEST = 8
"""Least size of a workload: at a quarter of it there must be something to do."""
_SEEDS = (0, 1)
_ROUNDS, _READINGS, _MOST_REPEATS, _READING_SECONDS = 3, 3, 64, 0.001


@dataclass(frozen=True)
class Candidates:
    """The solutions of one task that are to be timed."""

    entry_point: str
    solutions: tuple[str, ...]
    reference: int
    """Index of the best-scored one."""


@dataclass(frozen=True)
class DroppedGenerator:
    """A generator that gives no workload."""

    generator: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Search:
    """What came of a task's generators."""

    workload: Workload | None
    dropped: tuple[DroppedGenerator, ...]


@dataclass(frozen=True)
class _Trial:
    """One size, tried."""

    size: int
    seconds: NDArray[np.float64]
    """(n_solutions,) of one call; nan where it did not finish."""
    reason: str = ""
    """Why this size is too large."""
    detail: str = ""


def find_workload(sandbox: Sandbox, candidates: Candidates, generators: Sequence[str]) -> Search:
    """The workload of the first generator that gives one.

    Raises:
        SandboxError: the sandbox broke.
    """
    dropped: list[DroppedGenerator] = []
    for generator in generators:
        found = _try_generator(sandbox, candidates, generator)
        if isinstance(found, Workload):
            return Search(found, tuple(dropped))
        dropped.append(found)
    return Search(None, tuple(dropped))


def growth_exponents(sandbox: Sandbox, candidates: Candidates, workload: Workload) -> NDArray[np.float64]:
    """(n_solutions,) slope of log processor time over log size, by least squares; nan where a size did not finish."""
    n = len(candidates.solutions)
    fastest = np.full((len(workload.sizes), n), np.inf)
    repeats = np.ones((len(workload.sizes), n), dtype=int)
    for number in range(_ROUNDS):
        for row, size in enumerate(workload.sizes):
            test = prepared_call(candidates.entry_point, workload.generator, size, workload.seed)
            batch = Batch(tuple(repeats[row].tolist()), _READINGS, seed=number, cpu_seconds=4 * _LIMIT_SECONDS)
            answer = sandbox.measure(candidates.solutions, [test], batch)
            seconds = _seconds(answer["seconds"])
            # The first round finds out how many passes a reading needs; one pass of microseconds is mostly overhead.
            fastest[row] = seconds if number < 2 else np.minimum(fastest[row], seconds)
            repeats[row] = _passes(seconds, np.array(answer["argument_seconds"]))
    fastest[~np.isfinite(fastest)] = np.nan
    sizes = np.log(np.array(workload.sizes, dtype=float))
    sizes -= sizes.mean()
    return np.asarray(sizes @ np.log(fastest) / (sizes @ sizes))


def _passes(seconds: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.int_]:
    """(n_solutions,) passes of a reading, fewer where making their arguments takes long."""
    wanted = _READING_SECONDS / np.nan_to_num(seconds, nan=1.0)
    affordable = 20 * _READING_SECONDS / np.maximum(before, 1e-6)
    return np.ceil(np.clip(np.minimum(wanted, affordable), 1, _MOST_REPEATS)).astype(int)


def _seconds(readings: Sequence[Sequence[float] | None]) -> NDArray[np.float64]:
    """(n_solutions,) least reading; nan where there is none."""
    return np.array([min(found) if found else math.nan for found in readings])


def _try_generator(sandbox: Sandbox, candidates: Candidates, generator: str) -> Workload | DroppedGenerator:
    trial = _fitting_size(sandbox, candidates, generator)
    if trial.reason:
        return DroppedGenerator(generator, trial.reason, trial.detail)
    workload = Workload(generator, (trial.size // 4, trial.size // 2, trial.size), _SEEDS[0])
    for size in workload.sizes:
        for seed in _SEEDS:
            test = prepared_call(candidates.entry_point, generator, size, seed)
            found = sandbox.agree(candidates.solutions, test, seed=seed)
            if found is not None:
                return DroppedGenerator(generator, _reason(found), f"size {size}, seed {seed}: {found.text}")
    return workload


def _reason(found: Disagreement) -> str:
    return {
        "generator": "the generator fails",
        "solution": "a solution fails or takes too long on its inputs",
        "results": "solutions disagree on its inputs",
    }[found.what]


def _fitting_size(sandbox: Sandbox, candidates: Candidates, generator: str) -> _Trial:
    """The trial of the size to time, or one with the reason why there is none."""
    fits: _Trial | None = None
    too_large: _Trial | None = None
    size = _FIRST_SIZE
    while True:
        trial = _try_size(sandbox, candidates, generator, size)
        if trial.reason:
            too_large = trial
        else:
            fits = trial
            if trial.seconds[candidates.reference] >= _LEAST_SECONDS:
                return trial
        step = _next_size(fits, too_large)
        if step is None:
            break
        size = step
    if fits is not None and fits.seconds.max() >= _LEAST_SECONDS:
        return fits
    if too_large is not None:
        return too_large
    detail = f"{fits.seconds.max() * 1e3:.3f} ms at size {fits.size}" if fits is not None else ""
    return _Trial(size, np.empty(0), "run time does not grow with the size", detail)


def _next_size(fits: _Trial | None, too_large: _Trial | None) -> int | None:
    """Up, down, or between the largest size that fits and the smallest one that does not; None: no more to try."""
    if too_large is None:
        assert fits is not None
        return fits.size * _STEP if fits.size * _STEP <= _LAST_SIZE else None
    if fits is None:
        return too_large.size // 2 if too_large.size > _SMALLEST else None
    between = round(math.sqrt(fits.size * too_large.size))
    near = fits.seconds.max() >= _LEAST_SECONDS and too_large.size <= fits.size * _FINEST_STEP
    return None if near or between in (fits.size, too_large.size) else between


def _try_size(sandbox: Sandbox, candidates: Candidates, generator: str, size: int) -> _Trial:
    test = prepared_call(candidates.entry_point, generator, size, _SEEDS[0])
    batch = Batch((1,) * len(candidates.solutions), 2, seed=_SEEDS[0], cpu_seconds=_LIMIT_SECONDS)
    answer = sandbox.measure(candidates.solutions, [test], batch)
    seconds = _seconds(answer["seconds"])
    if answer["problem"]:
        return _Trial(size, seconds, "the generator fails", f"size {size}: {answer['problem']}")
    if np.isnan(seconds).any():
        culprit = int(np.flatnonzero(np.isnan(seconds))[0])
        return _Trial(
            size, seconds, "a solution fails or takes too long on its inputs", f"size {size}: solution {culprit}"
        )
    if seconds.max() > _MOST_SECONDS:
        return _Trial(
            size, seconds, "no size takes between 1 and 50 ms", f"{seconds.max() * 1e3:.0f} ms at size {size}"
        )
    return _Trial(size, seconds)
