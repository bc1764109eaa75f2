"""Verdicts on a benchmark that scores run times in, run times of the programs that pass and their scores out.

What was measured is kept and not measured again; remove `run_times.jsonl` to do so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from codedpo.benchmarks import Problem
from codedpo.benchmarks.kept import Kept
from codedpo.benchmarks.oracle import Oracle
from codedpo.benchmarks.run_times import run_time
from codedpo.efficiency import eff_at_k
from codedpo.evaluate import Verdict
from codedpo.sandbox import Sandbox
from codedpo.scores import Score, mean_score, ratio_score

KS = (1, 5, 10, 100)
FILE = "run_times.jsonl"


@dataclass(frozen=True)
class Timed:
    """What was measured of one answer that passes."""

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
    """Answers that pass and were timed."""
    trusted: int
    """Those of them whose readings cannot be shortened by the program itself."""
    left_out: Mapping[str, int]
    """How many pass and could not be timed, by the reason."""


def time_answers(
    problems: Sequence[Problem],
    verdicts: Sequence[Verdict],
    sandbox: Sandbox,
    oracle: Oracle,
    kept: Kept,
    on_timed: Callable[[str], None] = lambda problem: None,
) -> list[Timed]:
    """Time the answers that pass, one after the other; equal programs once.

    Args:
        problems: those of the verdicts that have an efficiency score.
        sandbox: with one worker.
        oracle: prepared for these problems.
        kept: run times of before.
        on_timed: told the problem of each answer.

    Raises:
        RecordError: a reference fails here.
        SandboxError: the sandbox broke.
    """
    by_id = {problem.id: problem for problem in problems}
    found: list[Timed] = []
    for verdict in verdicts:
        problem = by_id.get(verdict.problem)
        if problem is None or not verdict.passed:
            continue
        row = kept.find(problem, verdict.program)
        if row is None:
            row = asdict(run_time(problem, verdict.program, sandbox, oracle))
            kept.add(problem, verdict.program, row)
        found.append(Timed(problem.id, verdict.sample, **row))
        on_timed(problem.id)
    return found


def efficiency_scores(verdicts: Sequence[Verdict], timed: Sequence[Timed]) -> EfficiencyScores:
    """The scores of the benchmark.

    An answer that does not pass has e, Beyond and DPS of 0; NET is of those that pass alone. What passes and could not
    be timed is in no score.

    Args:
        verdicts: on all answers.
        timed: what `time_answers` gave for them.
    """
    values = {(each.problem, each.sample): each.values for each in timed}
    scored: dict[str, list[Mapping[str, float]]] = {}
    for verdict in verdicts:
        found = values.get((verdict.problem, verdict.sample), {})
        if found or not verdict.passed:
            scored.setdefault(verdict.problem, []).append(found)
    names = {name for each in timed for name in each.values}
    scores: dict[str, Score] = {}
    if "e" in names:
        effs = [[found.get("e", 0.0) for found in answers] for answers in scored.values()]
        for k in KS:
            if all(len(answers) >= k for answers in effs):
                scores[f"eff@{k}"] = mean_score(np.array([eff_at_k(answers, k) for answers in effs]))
        scores["pass@1 in time"] = _mean(scored, "in_time")
    if "beyond" in names:
        scores |= {"Beyond": _mean(scored, "beyond"), "DPS": _mean(scored, "dps")}
    if "seconds" in names:
        times = _times(scored)
        scores["NET"] = mean_score(times[:, 0] / times[:, 1])
        scores["NET, ratio of sums"] = ratio_score(times[:, 0], times[:, 1])
    measured = [each for each in timed if each.values]
    n_trusted = sum(each.trusted for each in measured)
    return EfficiencyScores(
        scores, len(measured), n_trusted, dict(Counter(each.reason for each in timed if not each.values))
    )


def _mean(scored: Mapping[str, Sequence[Mapping[str, float]]], name: str) -> Score:
    """Over problems of the mean over answers."""
    each = [[found.get(name, 0.0) for found in answers] for answers in scored.values()]
    return mean_score(np.array([sum(values) / len(values) for values in each]))


def _times(scored: Mapping[str, Sequence[Mapping[str, float]]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(n_problems, 2) seconds of the programs and of the canonical ones, of problems with an answer that passes."""
    passing = [[found for found in answers if found] for answers in scored.values()]
    pairs = [[(found["seconds"], found["canonical_seconds"]) for found in answers] for answers in passing if answers]
    return np.array([np.mean(each, axis=0) for each in pairs])
