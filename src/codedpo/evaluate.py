"""A model and a benchmark in, verdicts and pass@1 out; judged in the sandbox, references first."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from codedpo.benchmarks import BENCHMARKS, Problem
from codedpo.checks import require_at_least
from codedpo.code.extract import extract_program
from codedpo.errors import RecordError
from codedpo.llms import LLM, Completion, OnAnswer, Request, Sampling
from codedpo.plugins import resolve
from codedpo.prompting import template
from codedpo.records import Outcome
from codedpo.sandbox import Limits, Sandbox
from codedpo.store import read_records, write_records

VERSION = 2
"""Raised whenever the same answers would be judged otherwise."""
OpenLLM = Callable[[], AbstractContextManager[LLM]]
_LIMITS = Limits(cpu_seconds=10, memory_mb=1024)


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

    def problems(self) -> list[Problem]:
        """The problems that are asked."""
        benchmark = resolve(self.benchmark, BENCHMARKS, "evaluate.benchmark")()
        return list(benchmark.problems())[:: self.every]

    @property
    def title(self) -> str:
        """The subset's name in reports."""
        return self.benchmark if self.every == 1 else f"{self.benchmark}, every {self.every}th problem from the first"


@dataclass(frozen=True)
class Verdict:
    """What became of one problem."""

    problem: str
    passed: bool
    outcome: str
    reason: str
    answer: str
    program: str


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
    weights: str,
    open_llm: OpenLLM,
    *,
    label: str,
    folder: Path,
    open_sandbox: Callable[[Limits], Sandbox],
    on_answer: OnAnswer,
) -> PassRate:
    """Greedy answers of a model to the benchmark, judged; kept in `folder` and not done again.

    Args:
        weights: hash that stands for the model's weights.
        open_llm: gives the model; called only where the verdicts are not there yet.
        label: `before` or `after`.

    Raises:
        RecordError: a reference solution fails here, so that no score would mean anything.
    """
    problems = settings.problems()
    path = folder / f"{label}-{_key(settings, problems, weights)}.parquet"
    if not path.exists():
        sampling = Sampling(temperature=0.0, max_tokens=settings.max_tokens)
        requests = [Request(problem.messages(), sampling, seed=0) for problem in problems]
        with open_sandbox(_LIMITS) as sandbox:
            require_references(problems, sandbox)
            with open_llm() as llm:
                answers = llm.generate(requests, on_answer)
            write_records(path, Verdict, judge(problems, [completions[0] for completions in answers], sandbox))
    return PassRate(label, tuple(read_records(path, Verdict)))


def judge(problems: Sequence[Problem], answers: Sequence[Completion], sandbox: Sandbox) -> list[Verdict]:
    """Extract a program from each answer and run the problem's test on it."""
    programs = [
        extract_program(answer.text, problem.entry_point) for problem, answer in zip(problems, answers, strict=True)
    ]
    tasks = (
        ([problem.program(program)] if program else [], [problem.test])
        for problem, program in zip(problems, programs, strict=True)
    )
    verdicts: list[Verdict] = []
    for problem, answer, program, execution in zip(
        problems, answers, programs, sandbox.execute_many(tasks), strict=True
    ):
        outcome = Outcome(execution.outcomes[0, 0]).name.lower() if program else "no_program"
        reason = execution.reasons[0].text if execution.reasons else ""
        if program is None and answer.finish_reason == "length":
            reason = "the answer was cut at evaluate.max_tokens"
        verdicts.append(Verdict(problem.id, outcome == "passed", outcome, reason, answer.text, program or ""))
    return verdicts


def require_references(problems: Sequence[Problem], sandbox: Sandbox) -> None:
    """Run every reference solution; raises RecordError where one fails."""
    results = sandbox.execute_many(([problem.reference], [problem.test]) for problem in problems)
    failed = [
        f"{problem.id} ({Outcome(execution.outcomes[0, 0]).name.lower()})"
        for problem, execution in zip(problems, results, strict=True)
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
    parts = [VERSION, asdict(settings), [asdict(problem) for problem in problems], asdict(_LIMITS)]
    parts += [weights, asdict(template("solution")), asdict(template("base"))]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
