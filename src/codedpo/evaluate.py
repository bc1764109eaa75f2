"""A model and a benchmark in, verdicts and pass@1 out; judged in the sandbox, references first."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from codedpo.benchmarks import BENCHMARKS, Problem, judging
from codedpo.benchmarks import oracle as oracle_module
from codedpo.benchmarks.judging import Judgement, judge
from codedpo.benchmarks.kept import Kept
from codedpo.benchmarks.oracle import Oracle
from codedpo.checks import require_at_least
from codedpo.errors import ConfigError, RecordError
from codedpo.llms import LLM, Completion, OnAnswer, Sampling
from codedpo.plugins import resolve
from codedpo.prompting import template
from codedpo.records import Outcome
from codedpo.sandbox import Limits, Sandbox, SandboxSettings
from codedpo.sandbox.surroundings import surroundings
from codedpo.store import read_records, write_records

VERSION = 5
"""Raised whenever the same answers would be judged otherwise."""
Extraction = Literal["codedpo", "published"]
OpenLLM = Callable[[], AbstractContextManager[LLM]]
LIMITS = Limits(cpu_seconds=10, memory_mb=4096)
"""Of a program on a benchmark's statements; calls have limits of their own (benchmarks/oracle.py)."""


@dataclass(frozen=True)
class Evaluate:
    """What a model is asked: a benchmark, before and after training or by `codedpo evaluate`."""

    benchmark: str = "humaneval"
    """A name in `BENCHMARKS` or `package.module:Class`."""
    every: int = 1
    """Take every k-th problem of the benchmark; 1 takes all."""
    max_tokens: int = 768
    samples: int = 1
    """Answers to each problem; more than one for `codedpo evaluate` alone."""
    temperature: float = 0.0
    """0: the likeliest token each time."""
    top_p: float = 1.0
    prompts: Literal["published", "codedpo"] = "published"
    """The benchmark's own (evalplus' for HumanEval and MBPP), or the one that the pipeline asks for solutions with."""
    extraction: Extraction = "codedpo"
    """How a program is found in an answer: our way, or that of the benchmark's own evaluator, with its faults."""

    efficiency: bool = True
    """Score run times too where the benchmark does: ENAMEL, Mercury, EffiBench, LeetCodeDataset; `codedpo evaluate`
    alone."""
    least_references: float = 1.0
    """Share of the reference solutions that must pass here; a problem whose own fails is left out, and counted."""

    def __post_init__(self) -> None:
        require_at_least(self, "evaluate", every=1, max_tokens=1, samples=1, temperature=0)
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"evaluate.top_p: {self.top_p} must be above 0 and at most 1")
        if not 0 <= self.least_references <= 1:
            raise ConfigError(f"evaluate.least_references: {self.least_references} must be from 0 to 1")
        if self.samples > 1 and not self.temperature:
            raise ConfigError(
                f"evaluate.temperature: {self.samples} answers to a problem would be the same at 0; set it, such as 0.2"
            )

    def problems(
        self,
        options: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
        defaults: Mapping[str, Any] = MappingProxyType({}),
    ) -> list[Problem]:
        """The problems that are asked.

        Args:
            options: fields of benchmarks by their names, the section `benchmarks` of the configuration.
            defaults: values of fields, for benchmarks that have such.

        Raises:
            ConfigError: no such benchmark, or it has no such field.
            RecordError: its data are missing or wrong.
        """
        chosen = dict(options.get(self.benchmark, {}))
        benchmark = resolve(self.benchmark, BENCHMARKS, "evaluate.benchmark")
        fields: Mapping[str, Any] = getattr(benchmark, "__dataclass_fields__", {})
        usual = {key: value for key, value in defaults.items() if key in fields}
        try:
            return list(benchmark(**(usual | chosen)).problems())[:: self.every]
        except TypeError as error:
            raise ConfigError(f"benchmarks.{self.benchmark}: {error}") from error

    @property
    def title(self) -> str:
        """The subset's name in reports."""
        return self.benchmark if self.every == 1 else f"{self.benchmark}, every {self.every}th problem from the first"


def sandbox_for(problems: Sequence[Problem], settings: SandboxSettings) -> SandboxSettings:
    """The run's settings with a benchmark's limits, and with its environment where it has one of its own."""
    needed = next((problem.environment for problem in problems if problem.environment), None)
    return replace(settings, **{**asdict(LIMITS), **(asdict(needed) if needed else {})})


@dataclass(frozen=True)
class Check:
    """What became of one part of what a program is judged by."""

    name: str
    """`test`, or a set of inputs such as `base` and `plus`."""
    outcome: str


@dataclass(frozen=True)
class Verdict:
    """What became of one answer to one problem."""

    problem: str
    passed: bool
    outcome: str
    reason: str
    answer: str
    program: str
    checks: tuple[Check, ...] = ()
    cpu_seconds: float = 0.0
    """Processor time of the program's processes."""
    sample: int = 0
    """Which of the answers to its problem this is."""
    judged_outside: bool = True
    """False where something was checked in the program's own process, so that a pass could be forged."""


@dataclass(frozen=True)
class PassRate:
    """pass@1 of one model."""

    label: str
    verdicts: tuple[Verdict, ...]
    """The same number for each problem, in the problems' order."""

    @property
    def value(self) -> float:
        """Share of the answers that solve their problem, 0 to 1: pass@1 (unbiased)."""
        return sum(verdict.passed for verdict in self.verdicts) / len(self.verdicts)

    @property
    def passed(self) -> int:
        return sum(verdict.passed for verdict in self.verdicts)


@dataclass(frozen=True)
class Court:
    """Where answers are judged and verdicts kept."""

    folder: Path
    """Of the verdicts."""
    oracle: Oracle
    """What references give."""
    sandbox: SandboxSettings
    """The run's, see `sandbox_for`; they decide verdicts."""
    open_sandbox: Callable[[SandboxSettings], Sandbox]

    def kept(self, sandbox: Sandbox) -> Kept:
        """Verdicts of before on programs in this sandbox."""
        return Kept(self.folder / "judged.jsonl", sandbox, [judging.VERSION, oracle_module.VERSION])


def evaluate(
    settings: Evaluate,
    problems: Sequence[Problem],
    weights: str,
    open_llm: OpenLLM,
    court: Court,
    *,
    label: str,
    seed: int = 0,
    on_answer: OnAnswer,
) -> PassRate:
    """A model's answers to the benchmark, judged; kept by the court and not done again.

    Args:
        problems: those of the settings.
        weights: hash that stands for the model's weights.
        open_llm: gives the model; called only where the verdicts are not there yet.
        label: such as `before` or `after`.
        seed: of the answers.

    Raises:
        RecordError: a reference solution fails here, so that no score would mean anything.
    """
    sandbox = sandbox_for(problems, court.sandbox)
    path = court.folder / f"{label}-{_key(settings, problems, weights, seed, sandbox)}.parquet"
    if not path.exists():
        sampling = Sampling(settings.temperature, settings.top_p, max_tokens=settings.max_tokens)
        published = settings.prompts == "published"
        with court.open_sandbox(sandbox) as opened:
            sound = require_references(problems, opened, court.oracle, settings.least_references)
            requests = [problem.request(sampling, seed, settings.samples, published=published) for problem in sound]
            with open_llm() as llm:
                answers = llm.generate(requests, on_answer)
            asked = [problem for problem in sound for _ in range(settings.samples)]
            given = [answer for completions in answers for answer in completions]
            found = judge_answers(asked, given, opened, court.oracle, settings.extraction, court.kept(opened))
            write_records(path, Verdict, found)
    return PassRate(label, tuple(read_records(path, Verdict)))


def judge_answers(
    problems: Sequence[Problem],
    answers: Sequence[Completion],
    sandbox: Sandbox,
    oracle: Oracle,
    extraction: Extraction = "codedpo",
    kept: Kept | None = None,
) -> list[Verdict]:
    """Extract a program from each answer and judge it.

    Args:
        problems: of each answer.
        oracle: prepared for these problems.
        kept: verdicts of before.
    """
    pairs = list(zip(problems, answers, strict=True))
    programs = [problem.extract(answer.text, published=extraction == "published") for problem, answer in pairs]
    extracted = [(problem, program) for problem, program in zip(problems, programs, strict=True) if program]
    judged = iter(judge(extracted, sandbox, oracle, kept))
    found: list[Verdict] = []
    for (problem, answer), program in zip(pairs, programs, strict=True):
        if program is None:
            reason = "the answer was cut at evaluate.max_tokens" if answer.finish_reason == "length" else ""
            found.append(Verdict(problem.id, False, "no_program", reason, answer.text, ""))
        else:
            found.append(_verdict(problem, program, answer.text, next(judged)))
    return _numbered(found)


def judge_programs(
    items: Sequence[tuple[Problem, str]], sandbox: Sandbox, oracle: Oracle, kept: Kept | None = None
) -> list[Verdict]:
    """The verdict on whole programs, as they are.

    Args:
        oracle: prepared for these problems.
        kept: verdicts of before.
    """
    judged = iter(judge([(problem, program) for problem, program in items if program.strip()], sandbox, oracle, kept))
    return _numbered(
        [
            _verdict(problem, program, "", next(judged))
            if program.strip()
            else Verdict(problem.id, False, "no_program", "the program is empty", "", "")
            for problem, program in items
        ]
    )


def _verdict(problem: Problem, program: str, answer: str, found: Judgement) -> Verdict:
    return Verdict(
        problem=problem.id,
        passed=found.passed,
        outcome=found.outcome.name.lower(),
        reason=found.reason,
        answer=answer,
        program=program,
        checks=tuple(Check(name, outcome.name.lower()) for name, outcome in found.outcomes.items()),
        cpu_seconds=found.cpu_seconds,
        judged_outside=found.judged_outside,
    )


def _numbered(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Each with its place among those of its problem."""
    seen: Counter[str] = Counter()
    found: list[Verdict] = []
    for verdict in verdicts:
        found.append(replace(verdict, sample=seen[verdict.problem]))
        seen[verdict.problem] += 1
    return found


def require_references(
    problems: Sequence[Problem], sandbox: Sandbox, oracle: Oracle, least: float = 1.0
) -> list[Problem]:
    """Run every reference solution; those problems whose reference passes, or which have none, are ready to be judged.

    Args:
        least: share of the references that must pass.

    Raises:
        RecordError: too many fail.
    """
    unjudged = [problem.id for problem in problems if not (problem.test or problem.inputs)]
    if unjudged:
        raise RecordError(f"evaluate: nothing says what is right for {', '.join(unjudged[:5])}; is the file whole?")
    faults = oracle.prepare(problems, sandbox)
    tested = [problem for problem in problems if problem.test]
    results = sandbox.execute_many(([problem.runnable(problem.reference)], [problem.test]) for problem in tested)
    for problem, execution in zip(tested, results, strict=True):
        if not execution.passed[0, 0]:
            faults.setdefault(problem.id, Outcome(execution.outcomes[0, 0]).name.lower())
    if faults and len(problems) - len(faults) < max(1, least * len(problems)):
        named = ", ".join(f"{name} ({fault})" for name, fault in list(faults.items())[:5])
        raise RecordError(
            f"evaluate: {len(problems) - len(faults)} of {len(problems)} reference solutions pass here, so no score is "
            f"given; failing: {named}. Where that is known of the benchmark, lower evaluate.least_references: problems "
            "whose reference fails are then left out"
        )
    return [problem for problem in problems if problem.id not in faults]


def _key(settings: Evaluate, problems: Sequence[Problem], weights: str, seed: int, sandbox: SandboxSettings) -> str:
    parts: list[Any] = [
        VERSION,
        judging.VERSION,
        oracle_module.VERSION,
        asdict(sandbox),
        surroundings(sandbox.python, sandbox.readable),
        seed,
        asdict(replace(settings, efficiency=True)),  # decides no verdict
        [problem.hash for problem in problems],
        [repr(problem.prompts) for problem in problems],
    ]
    parts += [weights, asdict(template("solution")), asdict(template("base"))]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
