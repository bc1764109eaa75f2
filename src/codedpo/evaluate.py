"""A model and a benchmark in, verdicts and pass@1 out; judged in the sandbox, references first."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from codedpo.benchmarks import BENCHMARKS, Problem
from codedpo.benchmarks.judging import judge
from codedpo.benchmarks.oracle import Oracle
from codedpo.checks import require_at_least
from codedpo.code.extract import extract_program
from codedpo.errors import ConfigError, RecordError
from codedpo.llms import LLM, Completion, OnAnswer, Request, Sampling
from codedpo.plugins import resolve
from codedpo.prompting import template
from codedpo.records import Outcome
from codedpo.sandbox import Limits, Sandbox
from codedpo.store import read_records, write_records

VERSION = 3
"""Raised whenever the same answers would be judged otherwise."""
OpenLLM = Callable[[], AbstractContextManager[LLM]]
LIMITS = Limits(cpu_seconds=10, memory_mb=4096)
"""Of a program on a benchmark's statements; calls have limits of their own (benchmarks/oracle.py)."""


@dataclass(frozen=True)
class Evaluate:
    """Greedy pass@1 before and after training."""

    benchmark: str = "humaneval"
    """A name in `BENCHMARKS` or `package.module:Class`."""
    every: int = 1
    """Take every k-th problem of the benchmark; 1 takes all."""
    max_tokens: int = 768

    def __post_init__(self) -> None:
        require_at_least(self, "evaluate", every=1, max_tokens=1)

    def problems(self, options: Mapping[str, Mapping[str, Any]] = MappingProxyType({})) -> list[Problem]:
        """The problems that are asked.

        Args:
            options: fields of benchmarks by their names, the section `benchmarks` of the configuration.

        Raises:
            ConfigError: no such benchmark, or it has no such field.
            RecordError: its data are missing or wrong.
        """
        return problems_of(self.benchmark, options, "evaluate.benchmark")[:: self.every]

    @property
    def title(self) -> str:
        """The subset's name in reports."""
        return self.benchmark if self.every == 1 else f"{self.benchmark}, every {self.every}th problem from the first"


def problems_of(name: str, options: Mapping[str, Mapping[str, Any]], key: str) -> list[Problem]:
    """All problems of a benchmark, see `Evaluate.problems`.

    Args:
        key: where the name stands, for errors.
    """
    chosen = dict(options.get(name, {}))
    benchmark = resolve(name, BENCHMARKS, key)
    try:
        return list(benchmark(**chosen).problems())
    except TypeError as error:
        raise ConfigError(f"benchmarks.{name}: {error}") from error


@dataclass(frozen=True)
class Check:
    """What became of one part of what a program is judged by."""

    name: str
    """`test`, or a set of inputs such as `base` and `plus`."""
    outcome: str


@dataclass(frozen=True)
class Verdict:
    """What became of one problem."""

    problem: str
    passed: bool
    outcome: str
    reason: str
    answer: str
    program: str
    checks: tuple[Check, ...] = ()
    cpu_seconds: float = 0.0
    """Processor time of the program's processes."""


@dataclass(frozen=True)
class PassRate:
    """pass@1 of one model."""

    label: str
    verdicts: tuple[Verdict, ...]

    @property
    def value(self) -> float:
        """Share of the problems solved, 0 to 1."""
        return sum(verdict.passed for verdict in self.verdicts) / len(self.verdicts)

    @property
    def passed(self) -> int:
        return sum(verdict.passed for verdict in self.verdicts)


def evaluate(
    settings: Evaluate,
    problems: Sequence[Problem],
    weights: str,
    open_llm: OpenLLM,
    *,
    label: str,
    folder: Path,
    oracle: Oracle,
    open_sandbox: Callable[[Limits], Sandbox],
    on_answer: OnAnswer,
) -> PassRate:
    """Greedy answers of a model to the benchmark, judged; kept in `folder` and not done again.

    Args:
        problems: those of the settings.
        weights: hash that stands for the model's weights.
        open_llm: gives the model; called only where the verdicts are not there yet.
        label: `before` or `after`.
        oracle: what the references give.

    Raises:
        RecordError: a reference solution fails here, so that no score would mean anything.
    """
    path = folder / f"{label}-{_key(settings, problems, weights)}.parquet"
    if not path.exists():
        sampling = Sampling(temperature=0.0, max_tokens=settings.max_tokens)
        requests = [Request(problem.messages(), sampling, seed=0) for problem in problems]
        with open_sandbox(LIMITS) as sandbox:
            require_references(problems, sandbox, oracle)
            with open_llm() as llm:
                answers = llm.generate(requests, on_answer)
            write_records(path, Verdict, judge_answers(problems, [given[0] for given in answers], sandbox, oracle))
    return PassRate(label, tuple(read_records(path, Verdict)))


def judge_answers(
    problems: Sequence[Problem], answers: Sequence[Completion], sandbox: Sandbox, oracle: Oracle
) -> list[Verdict]:
    """Extract a program from each answer and judge it.

    Args:
        oracle: prepared for these problems.
    """
    programs = [
        extract_program(answer.text, problem.entry_point) for problem, answer in zip(problems, answers, strict=True)
    ]
    items = [
        (problem, problem.program(program)) for problem, program in zip(problems, programs, strict=True) if program
    ]
    judged = iter(judge(items, sandbox, oracle))
    verdicts: list[Verdict] = []
    for problem, answer, program in zip(problems, answers, programs, strict=True):
        if program is None:
            reason = "the answer was cut at evaluate.max_tokens" if answer.finish_reason == "length" else ""
            verdicts.append(Verdict(problem.id, False, "no_program", reason, answer.text, ""))
            continue
        found = next(judged)
        checks = tuple(Check(name, outcome.name.lower()) for name, outcome in found.outcomes.items())
        verdicts.append(
            Verdict(
                problem.id, found.passed, found.outcome.name.lower(), found.reason, answer.text, program, checks,
                found.cpu_seconds,
            )
        )  # fmt: skip
    return verdicts


def require_references(problems: Sequence[Problem], sandbox: Sandbox, oracle: Oracle) -> None:
    """Run every reference solution; raises RecordError where one fails."""
    oracle.prepare(problems, sandbox)
    tested = [problem for problem in problems if problem.test]
    results = sandbox.execute_many(([problem.reference], [problem.test]) for problem in tested)
    failed = [
        f"{problem.id} ({Outcome(execution.outcomes[0, 0]).name.lower()})"
        for problem, execution in zip(tested, results, strict=True)
        if not execution.passed[0, 0]
    ]
    if failed:
        raise RecordError(
            f"evaluate: {len(problems) - len(failed)} of {len(problems)} reference solutions pass here, so no score is "
            f"given; failing: {', '.join(failed[:5])}"
        )


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate of pass@k from n samples of which c pass: 1 - C(n-c, k) / C(n, k) (arXiv 2107.03374).

    Raises:
        ValueError: not 0 <= c <= n, or not 1 <= k <= n.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass_at_k needs 0 <= c <= n and 1 <= k <= n, got n={n}, c={c}, k={k}")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


@dataclass(frozen=True)
class Change:
    """The difference between two models on the same problems, and how much of it may be noise."""

    difference: float
    low: float
    high: float
    """95% interval of the difference: bootstrap over problems."""
    gained: int
    """Problems solved after but not before."""
    lost: int


def compare(before: PassRate, after: PassRate, *, resamples: int = 10_000) -> Change:
    """Paired comparison of two pass rates on the same problems."""
    differences = np.array(
        [float(b.passed) - float(a.passed) for a, b in zip(before.verdicts, after.verdicts, strict=True)]
    )
    draws = np.random.default_rng(0).integers(0, len(differences), (resamples, len(differences)))
    low, high = np.quantile(differences[draws].mean(axis=1), (0.025, 0.975))
    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    return Change(float(differences.mean()), float(low), float(high), gained, lost)


def interval(rate: PassRate) -> tuple[float, float]:
    """95% Wilson interval of a pass rate."""
    n, p, z = len(rate.verdicts), rate.value, 1.96
    centre, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (centre - spread) / (1 + z * z / n)), min(1.0, (centre + spread) / (1 + z * z / n))


def _key(settings: Evaluate, problems: Sequence[Problem], weights: str) -> str:
    parts = [VERSION, asdict(settings), [problem.hash for problem in problems], asdict(LIMITS)]
    parts += [weights, asdict(template("solution")), asdict(template("base"))]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
