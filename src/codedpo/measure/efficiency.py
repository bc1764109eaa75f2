"""Verdicts on a benchmark that scores run times in, run times of the programs and their scores out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from codedpo.benchmarks import Problem
from codedpo.benchmarks.kept import Kept
from codedpo.benchmarks.oracle import Oracle
from codedpo.benchmarks.run_times import RunTime, run_time
from codedpo.efficiency import eff_at_k
from codedpo.errors import RecordError
from codedpo.evaluate import Verdict
from codedpo.sandbox import Sandbox
from codedpo.scores import KS, Score, mean_score, ratio_score

Answers = Sequence[Sequence[Mapping[str, float]]]
"""By problem and answer: what was measured, nothing where the answer fails."""


@dataclass(frozen=True)
class Timed:
    """What was measured of one answer."""

    problem: str
    sample: int
    values: Mapping[str, float]
    """See `RunTime`, also for the others."""
    reason: str
    trusted: bool


@dataclass(frozen=True)
class EfficiencyScores:
    """What run times come to; intervals are bootstrap over problems."""

    scores: Mapping[str, Score]
    """By name, such as `eff@1`, `Beyond` and `NET`."""
    timed: int
    """Answers that were timed."""
    trusted: int
    """Those of them whose readings cannot be shortened by the program itself."""
    left_out: Mapping[str, int]
    """How many should have been timed and could not be, by the reason."""


def is_timed(problem: Problem, verdict: Verdict) -> bool:
    """Whether an answer is timed: one that passes, or, for ENAMEL, whose limits are its own, passes level 0."""
    if problem.efficiency == "eff":
        return bool(verdict.checks) and verdict.checks[0].outcome == "passed"
    return bool(problem.efficiency) and verdict.passed


def time_answers(
    items: Sequence[tuple[Problem, Verdict]],
    faults: Mapping[str, str],
    sandbox: Sandbox,
    oracle: Oracle,
    kept: Kept,
    on_timed: Callable[[str], None] = lambda problem: None,
) -> list[Timed]:
    """Time answers, one after the other; equal programs once. What cannot be timed is tried again next time.

    Args:
        items: those that `is_timed` says.
        faults: what is wrong with references, by the id of the problem.
        sandbox: with one worker.
        oracle: prepared for the other problems.
        kept: run times of before.
        on_timed: told the problem of each answer.

    Raises:
        SandboxError: the sandbox broke.
    """
    found: list[Timed] = []
    failed: dict[tuple[str, str], Mapping[str, Any]] = {}
    for problem, verdict in items:
        key = problem.id, verdict.program
        row = kept.find(problem, verdict.program) or failed.get(key)
        if row is None:
            row = asdict(_measured(problem, verdict.program, faults, sandbox, oracle))
            if row["values"]:
                kept.add(problem, verdict.program, row)
            else:
                failed[key] = row
        found.append(Timed(problem.id, verdict.sample, **row))
        on_timed(problem.id)
    return found


def _measured(problem: Problem, program: str, faults: Mapping[str, str], sandbox: Sandbox, oracle: Oracle) -> RunTime:
    if problem.id in faults:
        return RunTime(reason="the reference fails here")
    try:
        return run_time(problem, program, sandbox, oracle)
    except RecordError:  # its reference, on a machine that is busier than when the oracle was made
        return RunTime(reason="the reference fails here")


def efficiency_scores(
    problems: Sequence[Problem], verdicts: Sequence[Verdict], timed: Sequence[Timed]
) -> EfficiencyScores:
    """The scores of the benchmark.

    An answer that `is_timed` leaves out has e, Beyond and DPS of 0, and is not in NET. What could not be timed is in no
    score.

    Args:
        problems: of the verdicts; those without an efficiency score are passed over.
        verdicts: on all answers.
        timed: what `time_answers` gave for them.
    """
    values = {(each.problem, each.sample): each.values for each in timed}
    kinds = {problem.id: problem.efficiency for problem in problems if problem.efficiency}
    scores: dict[str, Score] = {}
    for kind in dict.fromkeys(kinds.values()):
        answers: dict[str, list[Mapping[str, float]]] = {}
        for verdict in verdicts:
            key = verdict.problem, verdict.sample
            if kinds.get(verdict.problem) == kind and (key not in values or values[key]):
                answers.setdefault(verdict.problem, []).append(values.get(key, {}))
        if answers:
            scores |= _SCORES[kind](list(answers.values()))
    measured = [each for each in timed if each.values]
    left_out = Counter(each.reason for each in timed if not each.values)
    return EfficiencyScores(scores, len(measured), sum(each.trusted for each in measured), dict(left_out))


def _eff(answers: Answers) -> dict[str, Score]:
    """ENAMEL's (arXiv 2406.06647)."""
    scores = {"pass@1 in time": _mean(answers, "in_time")}
    each = [[found.get("e", 0.0) for found in of_problem] for of_problem in answers]
    for k in KS:
        if all(len(found) >= k for found in each):
            scores[f"eff@{k}"] = mean_score(np.array([eff_at_k(found, k) for found in each]))
    return scores


def _beyond(answers: Answers) -> dict[str, Score]:
    """Mercury's (arXiv 2402.07844), and EvalPerf's DPS among the same solutions (arXiv 2408.06450)."""
    return {"Beyond": _mean(answers, "beyond"), "DPS": _mean(answers, "dps")}


def _net(answers: Answers) -> dict[str, Score]:
    """EffiBench's normalised execution time: the mean of the ratios to the canonical solutions, as its paper defines it
    (arXiv 2402.02037, section 3.5), and the ratio of the sums, in which the longest problems decide, as its program
    prints it (src/report_overhead.py). Of several answers to a problem the mean counts."""
    passing = [[(found["seconds"], found["canonical_seconds"]) for found in each if found] for each in answers]
    times = [np.array(each) for each in passing if each]
    if not times:
        return {}
    ratios = np.array([(each[:, 0] / each[:, 1]).mean() for each in times])
    sums = np.array([each.mean(axis=0) for each in times])
    return {"NET": mean_score(ratios), "NET, ratio of sums": ratio_score(sums[:, 0], sums[:, 1])}


_SCORES: Mapping[str, Callable[[Answers], dict[str, Score]]] = {"eff": _eff, "beyond": _beyond, "net": _net}


def _mean(answers: Answers, name: str) -> Score:
    """Over problems of the mean over answers."""
    each = [[found.get(name, 0.0) for found in of_problem] for of_problem in answers]
    return mean_score(np.array([sum(values) / len(values) for values in each]))
