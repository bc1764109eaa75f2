"""Problems and programs in, verdicts out: statements and calls run in the sandbox, values are compared here."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from codedpo.benchmarks.kept import Kept
from codedpo.benchmarks.oracle import AGAIN_SECONDS, Expected, Oracle
from codedpo.benchmarks.problem import InputSet, Problem
from codedpo.records import Execution, Outcome
from codedpo.sandbox import Calls, Checked, CheckedCalls, Reply, Sandbox

VERSION = 2
"""Raised whenever the same programs would be judged otherwise."""
_SHORT = reprlib.Repr()
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = _SHORT.maxdict = 8
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
_TEST = "test"
"""The name of what a problem's statements say, beside the names of its sets of inputs."""


@dataclass(frozen=True)
class Judgement:
    """What became of one program."""

    outcomes: Mapping[str, Outcome]
    """By what it was judged: `test`, or the name of a set of inputs."""
    reason: str
    """Why it did not pass; empty where it did."""
    cpu_seconds: float
    """Processor time of all its processes."""
    judged_outside: bool = True
    """False where something was checked in the program's own process, so that a pass could be forged."""

    @property
    def passed(self) -> bool:
        """Whether everything passed."""
        return self.outcome == Outcome.PASSED

    @property
    def outcome(self) -> Outcome:
        """The first that is not a pass, or PASSED."""
        return next((outcome for outcome in self.outcomes.values() if outcome != Outcome.PASSED), Outcome.PASSED)


def judge(
    items: Sequence[tuple[Problem, str]], sandbox: Sandbox, oracle: Oracle, kept: Kept | None = None
) -> list[Judgement]:
    """The verdict on each program; equal ones are judged once.

    Args:
        items: (problem, whole program).
        oracle: prepared for these problems.
        kept: verdicts of before, to which each new one is added as it falls.

    Raises:
        SandboxError: the sandbox broke.
    """
    found: dict[tuple[str, str], Judgement] = {}
    for problem, program in items:
        if row := kept.find(problem, program) if kept else None:
            found[problem.id, program] = _kept(row)
    left = {(problem.id, program): problem for problem, program in items if (problem.id, program) not in found}
    order = [(problem, program) for (_, program), problem in left.items()]
    order.sort(key=lambda item: -_reference_seconds(item[0], oracle))
    tests = sandbox.execute_many(
        ([problem.runnable(program)], [problem.test]) for problem, program in order if problem.test
    )
    calls = sandbox.check_many(_calls(order, oracle))
    for problem, program in order:
        judgement = _judgement(problem, tests, list(islice(calls, len(problem.inputs))), oracle)
        found[problem.id, program] = judgement
        if kept:
            kept.add(problem, program, asdict(judgement))
    return [found[problem.id, program] for problem, program in items]


def _kept(row: Mapping[str, Any]) -> Judgement:
    found = Judgement(**row)
    return replace(found, outcomes={name: Outcome(outcome) for name, outcome in found.outcomes.items()})


def _reference_seconds(problem: Problem, oracle: Oracle) -> float:
    """What its reference takes: the longest first keeps all cores busy to the end."""
    return sum(float(oracle.expected(problem, inputs).told_seconds.sum()) for inputs in problem.inputs)


def _calls(items: Iterable[tuple[Problem, str]], oracle: Oracle) -> Iterator[CheckedCalls]:
    for problem, program in items:
        for inputs in problem.inputs:
            expected = oracle.expected(problem, inputs)
            limited = Calls(problem.runnable(program), problem.called, expected.limits(inputs.arguments))
            digests = expected.digests if inputs.rule.equal_is_same else bytes(len(expected.digests))
            again = expected.limits(inputs.arguments, least_seconds=AGAIN_SECONDS)
            yield CheckedCalls(limited, digests, expected.most_bytes, _Comparison(inputs, expected), again)


@dataclass(frozen=True)
class _Comparison:
    """Says of a reply whether it is what the reference gave."""

    inputs: InputSet
    expected: Expected

    def __call__(self, index: int, reply: Reply) -> bool:
        given, tolerance = self.inputs.arguments[index], float(self.expected.tolerances[index])
        return self.inputs.rule.is_same(reply.value, self.expected.value(index), given, tolerance)


def _judgement(problem: Problem, tests: Iterator[Execution], calls: Sequence[Checked], oracle: Oracle) -> Judgement:
    outcomes: dict[str, Outcome] = {}
    reasons: list[str] = []
    seconds = 0.0
    judged_outside = True
    if problem.test:
        execution = next(tests)
        outcomes[_TEST] = Outcome(execution.outcomes[0, 0])
        reasons += [reason.text for reason in execution.reasons]
        seconds += float(execution.cpu_seconds[0, 0])
        judged_outside = bool(execution.judged_outside[0, 0])
    for inputs, checked in zip(problem.inputs, calls, strict=True):
        seconds += checked.seconds
        if inputs.may_exceed and _has_exceeded(checked):
            break
        outcomes[inputs.name] = checked.outcome
        if checked.outcome != Outcome.PASSED:
            reasons.append(f"{inputs.name}: {_reason(problem, inputs, checked, oracle)}")
    return Judgement(outcomes, "; ".join(reasons), seconds, judged_outside)


def _has_exceeded(checked: Checked) -> bool:
    """Whether it took too much time or memory, or met a number too large, which ENAMEL counts as that too."""
    is_overflow = checked.reply is not None and checked.reply.text.startswith("OverflowError")
    return is_overflow or checked.outcome in (Outcome.TIMEOUT, Outcome.OUT_OF_MEMORY)


def _reason(problem: Problem, inputs: InputSet, checked: Checked, oracle: Oracle) -> str:
    """Which call did not pass, and why."""
    reply = checked.reply
    if not checked.is_loaded or checked.calls >= len(inputs.arguments):
        return f"{checked.text}: {reply.text}" if reply else checked.text
    given = ", ".join(map(_shown, inputs.arguments[checked.calls]))
    call = f"call {checked.calls}, {problem.called or 'the script'}({given})"
    if reply is None:
        return f"{call}: {checked.text}"
    if reply.outcome != Outcome.PASSED:
        return f"{call}: {reply.text}"
    expected = oracle.expected(problem, inputs).value(checked.calls)
    return f"{call}: {_shown(reply.value)} instead of {_shown(inputs.rule.expected(expected))}"


def _shown(value: Any) -> str:
    """The beginning of a value; it may be large, and an int has digits that Python refuses to write."""
    try:
        return _SHORT.repr(value)
    except ValueError:
        return f"a large {type(value).__name__}"
