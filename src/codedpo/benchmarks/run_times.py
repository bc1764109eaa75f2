"""A program that passes in, what its benchmark makes of its run time out; timed in turn with the published programs."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codedpo.benchmarks.enamel_timing import score
from codedpo.benchmarks.oracle import Oracle
from codedpo.benchmarks.problem import Problem
from codedpo.efficiency import beyond, performance_score
from codedpo.sandbox import Sandbox
from codedpo.sandbox.prepared import PreparedTest, call_on
from codedpo.sandbox.timing import TimingSettings, compare

VERSION = 1
"""Raised whenever the same program would be timed otherwise."""
SETTINGS = TimingSettings(looks=(3,), rounds=6)
"""One look: an estimate is wanted, not a verdict."""
_LEAST_SECONDS, _MOST_CALLS = 0.002, 8
UNMEASURED = "a program failed or took too long while it was timed"


@dataclass(frozen=True)
class RunTime:
    """What was measured of one program."""

    values: Mapping[str, float] = field(default_factory=dict[str, float])
    """`e` and `in_time` (ENAMEL), `beyond`, `dps` and how many `solutions` were timed (Mercury), else `seconds` and
    `canonical_seconds`; empty where it could not be timed."""
    reason: str = ""
    """Why it could not, or where it was ended."""
    trusted: bool = False
    """Whether the program, with its prelude, cannot have shortened its own readings."""


def run_time(problem: Problem, program: str, sandbox: Sandbox, oracle: Oracle) -> RunTime:
    """What the benchmark makes of a program's run time, as `Problem.efficiency` says.

    Args:
        problem: with an efficiency score.
        program: one that passes, or, for ENAMEL, passes level 0.
        sandbox: with one worker, and a machine with nothing else to do, or times mean little.
        oracle: prepared for the problem.

    Raises:
        RecordError: the reference fails here.
        SandboxError: the sandbox broke.
    """
    if problem.efficiency == "eff":
        found = score(problem, program, sandbox)
        return RunTime({"e": found.value, "in_time": float(found.passed)}, found.reason)
    if not (problem.called if problem.inputs else problem.test):
        return RunTime(reason="a script; functions alone are timed")
    published = problem.solutions or (problem.reference,)
    if not all(published):
        return RunTime(reason="there is no published solution to compare it with")
    programs = [problem.runnable(each) for each in (program, *published)]
    comparison = compare(sandbox, programs, timed_tests(problem, oracle), SETTINGS)
    own, *others = _medians(comparison.seconds)
    known = [seconds for seconds in others if seconds is not None]
    if own is None:
        return RunTime(reason=UNMEASURED)
    if len(known) < min(2, len(published)):
        return RunTime(reason=f"{len(known)} of the published solutions run here, too few to compare it with")
    if problem.efficiency == "beyond":
        each = [(seconds, 1) for seconds in known]
        values = {"beyond": beyond(own, known), "dps": performance_score(own, each), "solutions": len(known)}
    else:
        values = {"seconds": own, "canonical_seconds": known[0]}
    return RunTime(values, trusted=bool(comparison.trusted[0]))


def timed_tests(problem: Problem, oracle: Oracle) -> list[str | PreparedTest]:
    """What a program is timed on: the statements, or the inputs on which the reference takes longest.

    Args:
        oracle: prepared for the problem.
    """
    if not problem.inputs:
        return [problem.test]
    return [PreparedTest(call_on(problem.called), _preparation(call)) for call in _longest_calls(problem, oracle)]


def _longest_calls(problem: Problem, oracle: Oracle) -> list[tuple[Any, ...]]:
    """As many as make a reading, the longest first."""
    timed = [
        (float(seconds), arguments)
        for inputs in problem.inputs
        for arguments, seconds in zip(inputs.arguments, oracle.expected(problem, inputs).seconds, strict=True)
    ]
    timed.sort(key=lambda call: -call[0])
    chosen: list[tuple[Any, ...]] = []
    total = 0.0
    for seconds, arguments in timed[:_MOST_CALLS]:
        chosen.append(arguments)
        total += seconds
        if total >= _LEAST_SECONDS:
            break
    return chosen


def _preparation(arguments: tuple[Any, ...]) -> str:
    """A program that makes these arguments: plain data of the benchmark."""
    data = base64.b64encode(pickle.dumps(arguments, protocol=4)).decode("ascii")
    return f"import base64, pickle\n__arguments__ = pickle.loads(base64.b64decode('{data}'))\n"


def _medians(seconds: NDArray[np.float64]) -> Sequence[float | None]:
    """(n_solutions,) of the readings; None where one is missing."""
    return [float(value) if np.isfinite(value) else None for value in np.median(seconds, axis=1)]
