"""Tasks in, samples out: the LLM writes n solutions and m tests for each task.

Left out with a reason: solutions that do not define the function with the task's arguments, what is no test, and
solutions that overlap with a benchmark; where most of a task's solutions do, the task.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from codedpo.checks import require_at_least
from codedpo.code.extract import extract, parse
from codedpo.code.normal import count_duplicates
from codedpo.code.signature import signature_problem
from codedpo.code.tests import split_tests
from codedpo.context import Context
from codedpo.imports import bring_samples
from codedpo.llms import Completion, Request, Sampling
from codedpo.places import Place
from codedpo.prompting import solution_prompt, template
from codedpo.records import Generation, Message, Samples, Task
from codedpo.repeats import repeated_tasks
from codedpo.stages.asking import ask, drop_match, overlap, request_seed

_MOST_OVERLAPPING = 0.5
"""Share of solutions that overlap with a benchmark above which the task itself is taken for the benchmark's."""


@dataclass(frozen=True)
class SampleTasks:
    """Sample solutions and tests."""

    NAME: ClassVar[str] = "samples"
    VERSION: ClassVar[int] = 2
    MAKES: ClassVar[type] = Samples
    NEEDS: ClassVar[Literal["llm"]] = "llm"

    n_solutions: int = 15
    """Answers asked for; those without a program are dropped."""
    n_tests: int = 15
    """Single tests kept per task (m), after splitting; duplicates count, as in the paper."""
    tests_per_answer: int = 5
    extra_test_answers: int = 1
    """Answers beyond n_tests / tests_per_answer, since some give fewer."""
    temperature: float = 1.0
    top_p: float = 0.95
    top_k: int = 0
    test_temperature: float = 1.0
    max_tokens: int = 512
    choices_per_request: int = 8
    """Completions asked for in one request; the server reads the prompt once for all of them."""
    min_solutions: int = 2
    min_tests: int = 2
    path: str = field(default="", metadata={"key": False})
    """Start here, with the samples of this JSONL or Parquet file, instead of from tasks."""

    def __post_init__(self) -> None:
        least = {"n_solutions": 2, "n_tests": 1, "tests_per_answer": 1, "extra_test_answers": 0, "max_tokens": 1}
        require_at_least(self, "samples", **least, choices_per_request=1, min_solutions=1, min_tests=1, temperature=0)

    def skips(self, shards: Iterable[Place]) -> Iterator[frozenset[int]]:
        """For each shard of tasks those that stand in an earlier place of any shard."""
        return repeated_tasks(shards)

    def bring(self, context: Context) -> Iterator[Samples]:
        """The samples of `path`, held to the same rules as sampled ones."""
        for samples in bring_samples(Path(self.path)):
            kept = self._enough(self._fitting(samples, context), context)
            if kept is not None:
                yield kept

    def __call__(self, rows: Iterable[Task], context: Context) -> Iterator[Samples]:
        tasks = list(self._first_ones(rows, context))
        n_answers = math.ceil(self.n_tests / self.tests_per_answer) + self.extra_test_answers
        requests: list[Request] = []
        spans: list[tuple[slice, slice]] = []
        for task in tasks:
            solutions = self._requests(solution_prompt(task.text, task.signature), task, "solution", context)
            tests = self._requests(self._test_prompt(task), task, "test", context, n_answers)
            start, middle = len(requests), len(requests) + len(solutions)
            requests += solutions + tests
            spans.append((slice(start, middle), slice(middle, len(requests))))
        answers = ask(context, requests)
        for task, (solution_span, test_span) in zip(tasks, spans, strict=True):
            samples = self._samples(
                task,
                list(itertools.chain(*answers[solution_span])),
                list(itertools.chain(*answers[test_span])),
                context,
            )
            context.advance(rows=1)
            if samples is not None:
                yield samples

    def _first_ones(self, tasks: Iterable[Task], context: Context) -> Iterator[Task]:
        for number, task in enumerate(tasks):
            if number in context.skipped:
                context.drop("row", task.id, "equals an earlier task")
                context.advance(rows=1)
            else:
                yield task

    def _test_prompt(self, task: Task) -> tuple[Message, ...]:
        return template("tests").render(text=task.text, signature=task.signature, count=str(self.tests_per_answer))

    def _requests(
        self, messages: tuple[Message, ...], task: Task, purpose: str, context: Context, n: int | None = None
    ) -> list[Request]:
        """Requests for n completions, in chunks: a larger n keeps the answers of the earlier chunks."""
        temperature = self.temperature if purpose == "solution" else self.test_temperature
        sampling = Sampling(temperature, self.top_p, self.top_k, self.max_tokens)
        left = self.n_solutions if n is None else n
        requests: list[Request] = []
        while left > 0:
            seed = request_seed(context.seed, task.id, purpose, len(requests))
            requests.append(Request(messages, sampling, seed, n=min(left, self.choices_per_request)))
            left -= self.choices_per_request
        return requests

    def _samples(
        self, task: Task, solution_answers: Sequence[Completion], test_answers: Sequence[Completion], context: Context
    ) -> Samples | None:
        repairs: list[str] = []
        solutions = tuple(self._solutions(task, solution_answers, repairs, context))
        tests = tuple(self._tests(task, test_answers, repairs, context))[: self.n_tests]
        samples = Samples(
            task=task,
            solutions=solutions,
            tests=tests,
            duplicate_solutions=count_duplicates(solutions),
            duplicate_tests=count_duplicates(tests),
            solution_generation=self._generation(task, "solution", self.temperature, context),
            test_generation=self._generation(task, "test", self.test_temperature, context),
            repairs=tuple(repairs),
        )
        return self._enough(samples, context)

    def _enough(self, samples: Samples, context: Context) -> Samples | None:
        """The samples without what overlaps with a benchmark, or None where too little is left."""
        assert samples.task is not None
        id, n_solutions = samples.task.id, len(samples.solutions)
        clean = tuple(self._clean(samples.task, samples.solutions, context))
        if n_solutions - len(clean) > n_solutions * _MOST_OVERLAPPING:
            context.drop("row", id, "most solutions are in a benchmark", f"{n_solutions - len(clean)}")
        elif len(clean) < self.min_solutions:
            context.drop("row", id, "too few solutions", f"{len(clean)}")
        elif len(samples.tests) < self.min_tests:
            context.drop("row", id, "too few tests", f"{len(samples.tests)}")
        else:
            return replace(samples, solutions=clean, duplicate_solutions=count_duplicates(clean))
        return None

    def _clean(self, task: Task, solutions: Sequence[str], context: Context) -> Iterator[str]:
        for number, program in enumerate(solutions):
            match = overlap(context, program)
            if match is None:
                yield program
            else:
                drop_match(context, "solution", f"{task.id}#{number}", match, program)

    def _solutions(
        self, task: Task, answers: Sequence[Completion], repairs: list[str], context: Context
    ) -> Iterator[str]:
        for number, answer in enumerate(answers):
            found = extract(answer.text, task.entry_point)
            if answer.finish_reason == "refused":
                reason = f"the server refused the request: {answer.problem}"
            elif answer.finish_reason == "length":
                reason = "answer longer than samples.max_tokens"
            elif found is None:
                reason = "no program that defines the function"
            else:
                reason = signature_problem(found.program, task.signature)
                if reason is None:
                    repairs += found.repairs
                    yield found.program
                    continue
            context.drop("solution", f"{task.id}#{number}", reason, answer.text)

    def _tests(self, task: Task, answers: Sequence[Completion], repairs: list[str], context: Context) -> Iterator[str]:
        for number, answer in enumerate(answers):
            if answer.finish_reason == "refused":
                context.drop("test", f"{task.id}#{number}", f"the server refused the request: {answer.problem}")
                continue
            split = split_tests(answer.text, task.entry_point, cut=answer.finish_reason == "length")
            for part in split.rejected:
                context.drop("test", f"{task.id}#{number}", part.reason, part.text)
            if not split.tests and not split.rejected:
                context.drop("test", f"{task.id}#{number}", "no test in the answer", answer.text)
            repairs += split.repairs
            yield from split.tests

    def _fitting(self, samples: Samples, context: Context) -> Samples:
        """The user's own samples without solutions that do not fit the signature and tests that are none."""
        task = samples.task
        assert task is not None
        solutions: list[str] = []
        tests: list[str] = []
        for number, program in enumerate(samples.solutions):
            reason = signature_problem(program, task.signature)
            if reason is None:
                solutions.append(program)
            else:
                context.drop("solution", f"{task.id}#{number}", reason, program)
        for number, test in enumerate(samples.tests):
            tree = parse(test)
            if tree is not None and tree.body:
                tests.append(test)
            else:
                context.drop("test", f"{task.id}#{number}", "test does not parse", test)
        duplicates = count_duplicates(tuple(solutions)), count_duplicates(tuple(tests))
        return replace(
            samples,
            solutions=tuple(solutions),
            tests=tuple(tests),
            duplicate_solutions=duplicates[0],
            duplicate_tests=duplicates[1],
        )

    def _generation(self, task: Task, purpose: str, temperature: float, context: Context) -> Generation:
        llm = context.tools.llm()
        return Generation(
            model=llm.model,
            weights=llm.weights,
            prompt_version=template("solution" if purpose == "solution" else "tests").version,
            temperature=temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            max_tokens=self.max_tokens,
            seed=request_seed(context.seed, task.id, purpose, 0),
        )
