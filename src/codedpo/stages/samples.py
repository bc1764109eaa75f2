"""Tasks in, samples out: the LLM writes n solutions, m tests and some generators of inputs for each task.

Left out with a reason: solutions that do not define the function with the task's arguments, what is no test, what is
no generator, and solutions that overlap with a benchmark; where most of a task's solutions do, the task.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from codedpo.checks import require_at_least
from codedpo.code.extract import extract, parse
from codedpo.code.normal import count_duplicates
from codedpo.code.signature import argument_names, signature_problem
from codedpo.code.tests import split_tests
from codedpo.code.vacuous import vacuous_reason
from codedpo.context import Context
from codedpo.imports import bring_samples
from codedpo.llms import Completion, Request, Sampling
from codedpo.places import Place
from codedpo.prompting import solution_prompt, template
from codedpo.records import Generation, Message, Samples, Task
from codedpo.repeats import repeated_tasks
from codedpo.sandbox.prepared import GENERATOR, GENERATOR_SIGNATURE
from codedpo.stages.asking import ask, drop_match, overlap, request_seed

_MOST_OVERLAPPING = 0.5
"""Share of solutions that overlap with a benchmark above which the task itself is taken for the benchmark's."""

_Purpose = Literal["solution", "test", "input"]
_Program = Literal["solution", "input generator"]
_PURPOSES: dict[_Purpose, str] = {"solution": "solution", "test": "tests", "input": "inputs"}
"""What the LLM is asked for -> the name of the prompt."""


@dataclass(frozen=True)
class _Answers:
    """The LLM's answers about one task."""

    solutions: tuple[Completion, ...]
    tests: tuple[Completion, ...]
    inputs: tuple[Completion, ...]


@dataclass(frozen=True)
class SampleTasks:
    """Sample solutions, tests and generators of inputs."""

    NAME: ClassVar[str] = "samples"
    VERSION: ClassVar[int] = 4
    MAKES: ClassVar[type] = Samples
    NEEDS: ClassVar[Literal["llm"]] = "llm"
    PROMPTS: ClassVar[tuple[str, ...]] = (*_PURPOSES.values(), "base")
    """`base` stands before the prompt for a solution where a base model is asked."""

    n_solutions: int = 15
    """Answers asked for; those without a program are dropped."""
    n_tests: int = 15
    """Single tests kept per task (m), after splitting; duplicates count, as in the paper."""
    tests_per_answer: int = 5
    extra_test_answers: int = 1
    """Answers beyond n_tests / tests_per_answer, since some give fewer."""
    input_generators: int = 2
    """Answers asked for that make inputs of any size, to time solutions on; 0: none."""
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
        least |= {"input_generators": 0}
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
        requests: list[Request] = []
        spans: list[list[slice]] = []
        for task in tasks:
            spans.append([])
            for purpose in _PURPOSES:
                start = len(requests)
                requests += self._requests(task, purpose, context)
                spans[-1].append(slice(start, len(requests)))
        answers = ask(context, requests)
        for task, parts in zip(tasks, spans, strict=True):
            solutions, tests, inputs = (tuple(itertools.chain(*answers[part])) for part in parts)
            samples = self._samples(task, _Answers(solutions, tests, inputs), context)
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

    def _prompt(self, task: Task, purpose: _Purpose) -> tuple[Message, ...]:
        if purpose == "solution":
            return solution_prompt(task.text, task.signature)
        values = {"text": task.text, "signature": task.signature, "count": str(self.tests_per_answer)}
        names = argument_names(task.signature)
        values["arguments"] = ", ".join(names) + ("," if len(names) == 1 else "")
        return template(_PURPOSES[purpose]).render(**values)

    def _n_answers(self, purpose: _Purpose) -> int:
        n_tests = math.ceil(self.n_tests / self.tests_per_answer) + self.extra_test_answers
        return {"solution": self.n_solutions, "test": n_tests, "input": self.input_generators}[purpose]

    def _temperature(self, purpose: _Purpose) -> float:
        return self.temperature if purpose == "solution" else self.test_temperature

    def _requests(self, task: Task, purpose: _Purpose, context: Context) -> list[Request]:
        """The requests for all answers, in chunks: a larger number keeps the answers of the earlier chunks."""
        sampling = Sampling(self._temperature(purpose), self.top_p, self.top_k, self.max_tokens)
        messages = self._prompt(task, purpose)
        left = self._n_answers(purpose)
        requests: list[Request] = []
        while left > 0:
            seed = request_seed(context.seed, task.id, purpose, len(requests))
            requests.append(Request(messages, sampling, seed, n=min(left, self.choices_per_request)))
            left -= self.choices_per_request
        return requests

    def _samples(self, task: Task, answers: _Answers, context: Context) -> Samples | None:
        repairs: list[str] = []
        solutions = tuple(self._programs("solution", task, answers.solutions, repairs, context))
        tests = tuple(self._tests(task, answers.tests, repairs, context))[: self.n_tests]
        programs = self._programs("input generator", task, answers.inputs, repairs, context)
        generators = dict.fromkeys(_with_random(program, repairs) for program in programs)
        samples = Samples(
            task=task,
            solutions=solutions,
            tests=tests,
            duplicate_solutions=count_duplicates(solutions),
            duplicate_tests=count_duplicates(tests),
            solution_generation=self._generation(task, "solution", context),
            test_generation=self._generation(task, "test", context),
            repairs=tuple(repairs),
            input_generators=tuple(generators),
            input_generation=self._generation(task, "input", context) if answers.inputs else None,
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

    def _programs(
        self, what: _Program, task: Task, answers: Sequence[Completion], repairs: list[str], context: Context
    ) -> Iterator[str]:
        name, signature = _wanted(what, task)
        for number, answer in enumerate(answers):
            found = extract(answer.text, name)
            if answer.finish_reason == "refused":
                reason = f"the server refused the request: {answer.problem}"
            elif answer.finish_reason == "length":
                reason = "answer longer than samples.max_tokens"
            elif found is None:
                reason = "no program that defines the function"
            else:
                reason = signature_problem(found.program, signature)
                if reason is None:
                    repairs += found.repairs
                    yield found.program
                    continue
            context.drop(what, f"{task.id}#{number}", reason, answer.text)

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
        """The user's own samples without programs that do not fit the signature and tests that are none."""
        task = samples.task
        assert task is not None
        solutions = tuple(_fitting_programs("solution", task, samples.solutions, context))
        tests: list[str] = []
        for number, test in enumerate(samples.tests):
            tree = parse(test)
            reason = vacuous_reason(tree.body, task.entry_point) if tree is not None else "test does not parse"
            if reason is None:
                tests.append(test)
            else:
                context.drop("test", f"{task.id}#{number}", reason, test)
        return replace(
            samples,
            solutions=solutions,
            tests=tuple(tests),
            duplicate_solutions=count_duplicates(solutions),
            duplicate_tests=count_duplicates(tuple(tests)),
            input_generators=tuple(_fitting_programs("input generator", task, samples.input_generators, context)),
        )

    def _generation(self, task: Task, purpose: _Purpose, context: Context) -> Generation:
        llm = context.tools.llm()
        return Generation(
            model=llm.model,
            weights=llm.weights,
            prompt_version=template(_PURPOSES[purpose]).version,
            temperature=self._temperature(purpose),
            top_p=self.top_p,
            top_k=self.top_k,
            max_tokens=self.max_tokens,
            seed=request_seed(context.seed, task.id, purpose, 0),
        )


def _wanted(what: _Program, task: Task) -> tuple[str, str]:
    """Name and signature of the function that such a program defines."""
    return (task.entry_point, task.signature) if what == "solution" else (GENERATOR, GENERATOR_SIGNATURE)


def _fitting_programs(what: _Program, task: Task, programs: Sequence[str], context: Context) -> Iterator[str]:
    _, signature = _wanted(what, task)
    for number, program in enumerate(programs):
        reason = signature_problem(program, signature)
        if reason is None:
            yield program
        else:
            context.drop(what, f"{task.id}#{number}", reason, program)


def _with_random(generator: str, repairs: list[str]) -> str:
    """The generator with the import that small models forget."""
    if re.search(r"\brandom\.", generator) and not re.search(
        r"^\s*(import|from)\b.*\brandom\b", generator, re.MULTILINE
    ):
        repairs.append("import random added to an input generator")
        return f"import random\n\n{generator}"
    return generator
