"""A problem of ENAMEL and a program in, whether it passes and its score e out; timed in turn with the reference.

As enam/evaluate.py (`make_tests`, `evaluate1`) with these departures. Times are processor time, not the clock's, and
the reference is timed in the same minutes, so that no correction between machines is needed. A repeat is one process
that makes all calls, not one for each call; one that takes more than twice the limit for a call, and 0.25 s, is ended.
Programs may print and read.

The process of a program reads its own processor time: a hostile program could understate it, up to where it is ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from codedpo.benchmarks.problem import Problem
from codedpo.efficiency import hodges_lehmann, level_score
from codedpo.errors import RecordError
from codedpo.records import Outcome
from codedpo.sandbox import Calls, Inputs, Replies, Sandbox
from codedpo.sandbox.calls import Reply, is_value, reply_of

REPEATS = 6
_HARDNESS = (0.0, 3.0, 3.0, 4.0)
"""Weights of the levels (demo.py)."""
_LIMIT_FACTOR = 2.0
"""alpha: the limit is this many times the reference's longest run."""
_TOLERANCE_SECONDS = 0.01
_SLACK_SECONDS, _LOAD_SECONDS = 0.25, 1.0
"""For what is read from outside: a call's value is written too, and the inputs are read before the first call."""
_REFERENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Score:
    """What became of one program."""

    passed: bool
    levels: tuple[float, ...]
    """e of each level; 0 from the first on that it did not finish, and of all where it does not pass."""
    reason: str
    """Why it did not pass, or where it was ended; empty where neither is so."""

    @property
    def value(self) -> float:
        """e, the mean of the levels by their hardness; 1 is as fast as the reference."""
        return float(np.average(self.levels, weights=_HARDNESS))


@dataclass(frozen=True)
class _Run:
    """What one process gave: by call, the content of its frame and its seconds."""

    calls: tuple[tuple[bytes, float], ...]
    ended: Outcome
    fault: str

    @staticmethod
    def of(replies: Replies) -> _Run:
        fault = replies.load_error or (replies.text or "it ended" if replies.ended != Outcome.PASSED else "")
        return _Run(tuple((frame.content, frame.seconds) for frame in replies.values()), replies.ended, fault)


def score(problem: Problem, program: str, sandbox: Sandbox, *, repeats: int = REPEATS) -> Score:
    """Whether a program passes, and how near it comes to the reference.

    Args:
        problem: one of `Enamel.problems()`.
        sandbox: with one worker, and a machine with nothing else to do, or times mean little.

    Raises:
        RecordError: the reference fails here.
        SandboxError: the sandbox broke.
    """
    return _Bench(problem, sandbox).score(program, repeats)


class _Bench:
    """One problem: its inputs in one row, level after level."""

    def __init__(self, problem: Problem, sandbox: Sandbox):
        self._problem = problem
        self._sandbox = sandbox
        self._arguments = tuple(given for inputs in problem.inputs for given in inputs.arguments)
        ends = accumulate((len(inputs.arguments) for inputs in problem.inputs), initial=0)
        self._levels = [slice(start, end) for start, end in pairwise(ends)]
        self._expected = self._run(problem.reference, len(self._arguments), _REFERENCE_SECONDS)
        if self._expected.fault or not all(is_value(frame) for frame, _ in self._expected.calls):
            raise RecordError(f"{problem.id}: its reference fails here: {self._expected.fault or 'it raises'}")

    def score(self, program: str, repeats: int) -> Score:
        n_calls, reason = len(self._arguments), ""
        references, runs = [self._expected], list[_Run]()
        for _ in range(repeats):
            limit = self._limit(references)
            run = self._run(program, n_calls, limit)
            n_right, why, is_wrong = self._check(run, n_calls, limit)
            if is_wrong or n_right < self._levels[0].stop:
                return Score(False, (0.0,) * len(self._levels), why)
            if n_right < n_calls:
                n_calls, reason = max(level.stop for level in self._levels if level.stop <= n_right), why
            runs.append(run)
            references.append(self._run(self._problem.reference, len(self._arguments), _REFERENCE_SECONDS))
        return Score(True, self._scores(runs, references[1:], n_calls), reason)

    def _scores(self, runs: Sequence[_Run], references: Sequence[_Run], n_calls: int) -> tuple[float, ...]:
        seconds, wanted = _seconds(runs, n_calls), _seconds(references, len(self._arguments))
        limit = _LIMIT_FACTOR * max(wanted[self._levels[0].stop :])
        return tuple(level_score(seconds[level], wanted[level], limit) for level in self._levels)

    def _limit(self, references: Sequence[_Run]) -> float:
        """Seconds that a call may take."""
        seconds = _seconds(references, len(self._arguments))
        return _LIMIT_FACTOR * max(seconds[self._levels[0].stop :]) + _TOLERANCE_SECONDS

    def _run(self, program: str, n_calls: int, limit: float) -> _Run:
        most = 2 * limit + _SLACK_SECONDS
        limits = (most + _LOAD_SECONDS, *[most] * (n_calls - 1))
        inputs = Inputs(self._arguments[:n_calls], limits, sum(limits))
        return next(self._sandbox.call_many([Calls(program, self._problem.called, inputs)], _Run.of))

    def _check(self, run: _Run, n_calls: int, limit: float) -> tuple[int, str, bool]:
        """(calls until the first that was not right in time, what was the matter, whether that fails the program)."""
        for index, (frame, seconds) in enumerate(run.calls):
            if seconds > limit:
                return index, f"call {index}: {seconds:.3g} s are more than {limit:.3g} s", False
            if frame == self._expected.calls[index][0]:
                continue
            reply = reply_of(frame)
            if reply.outcome == Outcome.OUT_OF_MEMORY or reply.text.startswith("OverflowError"):
                return index, f"call {index}: {reply.text}", False
            if not self._is_right(index, reply):
                return index, f"call {index}: {reply.text or 'another value'}", True
        return len(run.calls), run.fault, run.ended not in (Outcome.PASSED, Outcome.TIMEOUT)

    def _is_right(self, index: int, reply: Reply) -> bool:
        rule, wanted = self._problem.inputs[0].rule, reply_of(self._expected.calls[index][0]).value
        return reply.outcome == Outcome.PASSED and rule.is_same(reply.value, wanted, self._arguments[index], rule.atol)


def _seconds(runs: Sequence[_Run], n_calls: int) -> list[float]:
    """(n_calls,) estimate over all runs."""
    return [hodges_lehmann([run.calls[index][1] for run in runs]) for index in range(n_calls)]
