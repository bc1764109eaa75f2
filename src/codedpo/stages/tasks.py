"""Seeds in, tasks out: the LLM names a seed's key concepts, then writes a task with an exact signature from them.

Left out with a reason: drafts that do not parse or overlap with a benchmark, tasks that equal an earlier one, and,
where `judge` is on, tasks that the LLM calls vague.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from codedpo.checks import require_at_least
from codedpo.code.drafts import parse_concepts, parse_draft
from codedpo.code.normal import task_fingerprint
from codedpo.code.syntax import syntax_tree
from codedpo.context import Context
from codedpo.errors import ConfigError
from codedpo.imports import bring_tasks
from codedpo.llms import Completion, Request, Sampling
from codedpo.plugins import did_you_mean
from codedpo.prompting import template
from codedpo.records import Generation, Seed, Task
from codedpo.stages.asking import ask, drop_match, overlap, request_seed
from codedpo.train_split import TRAIN_SPLITS, train_split


@dataclass(frozen=True)
class WriteTasks:
    """Write one task from each seed."""

    NAME: ClassVar[str] = "tasks"
    VERSION: ClassVar[int] = 2
    MAKES: ClassVar[type] = Task
    NEEDS: ClassVar[Literal["llm"]] = "llm"
    PROMPTS: ClassVar[tuple[str, ...]] = ("concepts", "task", "judge")

    drafts: int = 3
    """Tasks asked for per seed; the first valid one is kept."""
    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 0
    max_tokens: int = 300
    concept_temperature: float = 0.3
    concept_max_tokens: int = 80
    judge: bool = False
    """Ask the LLM of each task whether it is clear or vague; vague ones are dropped."""
    path: str = field(default="", metadata={"key": False})
    """Start here, with the tasks of this JSONL or Parquet file, instead of from seeds."""
    benchmark: str = ""
    """Where `path` is a benchmark's published file: its name; tasks of its training split are read."""

    def __post_init__(self) -> None:
        require_at_least(self, "tasks", drafts=1, max_tokens=1, concept_max_tokens=1, temperature=0)
        if self.benchmark and self.benchmark not in TRAIN_SPLITS:
            raise ConfigError(
                f"tasks.benchmark: '{self.benchmark}' has no training split that is known here, and evaluation splits "
                f"are never trained on{did_you_mean(self.benchmark, list(TRAIN_SPLITS))}"
            )
        if self.benchmark and not self.path:
            raise ConfigError("tasks.benchmark: names the form of a file; give the file as tasks.path")

    def bring(self, context: Context) -> Iterator[Task]:
        """The tasks of `path`, without repeats and without those that overlap with a benchmark."""
        path = Path(self.path)
        brought = train_split(self.benchmark, path, context.drop) if self.benchmark else bring_tasks(path)
        return self._distinct((task for task in brought if not self._overlaps(task, "row", task.id, context)), context)

    def __call__(self, rows: Iterable[Seed], context: Context) -> Iterator[Task]:
        seeds = list(rows)
        concepts = self._name_concepts(seeds, context)
        named = [(seed, words) for seed, words in zip(seeds, concepts, strict=True) if words]
        requests = [self._draft_request(seed, words, context.seed) for seed, words in named]
        answers = ask(context, requests)
        tasks: list[Task] = []
        for (seed, words), request, drafts in zip(named, requests, answers, strict=True):
            task = self._first_valid(seed, words, request, drafts, context)
            context.advance(rows=1)
            if task is not None:
                tasks.append(task)
        distinct = list(self._distinct(tasks, context))
        yield from self._clear(distinct, context) if self.judge else distinct

    def _name_concepts(self, seeds: Sequence[Seed], context: Context) -> list[tuple[str, ...]]:
        sampling = Sampling(self.concept_temperature, self.top_p, self.top_k, self.concept_max_tokens)
        prompt = template("concepts")
        requests = [
            Request(prompt.render(code=_shortened(seed)), sampling, request_seed(context.seed, seed.id, "concepts"))
            for seed in seeds
        ]
        concepts: list[tuple[str, ...]] = []
        for seed, answers in zip(seeds, ask(context, requests), strict=True):
            answer = answers[0]
            words = parse_concepts(answer.text, cut=answer.finish_reason == "length")
            if answer.finish_reason == "refused":
                context.drop("row", seed.id, f"the server refused the request: {answer.problem}")
                context.advance(rows=1)
            elif not words:
                context.drop("row", seed.id, "no concepts in the answer", answer.text)
                context.advance(rows=1)
            concepts.append(words)
        return concepts

    def _draft_request(self, seed: Seed, concepts: tuple[str, ...], run_seed: int) -> Request:
        sampling = Sampling(self.temperature, self.top_p, self.top_k, self.max_tokens, stop=("\nConcepts:", "\nTASK:"))
        messages = template("task").render(concepts="; ".join(concepts))
        return Request(messages, sampling, request_seed(run_seed, seed.id, "task"), n=self.drafts)

    def _first_valid(
        self, seed: Seed, concepts: tuple[str, ...], request: Request, answers: Sequence[Completion], context: Context
    ) -> Task | None:
        reasons: list[str] = []
        for number, answer in enumerate(answers):
            task = self._task(seed, concepts, request, answer, context)
            if isinstance(task, Task) and not self._overlaps(task, "draft", f"{seed.id}#{number}", context):
                return task
            if isinstance(task, str):
                context.drop("draft", f"{seed.id}#{number}", task, answer.text)
            reasons.append(task if isinstance(task, str) else "in a benchmark")
        context.drop("row", seed.id, "no valid draft", "; ".join(reasons))
        return None

    def _task(
        self, seed: Seed, concepts: tuple[str, ...], request: Request, answer: Completion, context: Context
    ) -> Task | str:
        """The task in an answer, or the reason why there is none."""
        if answer.finish_reason == "refused":
            return f"the server refused the request: {answer.problem}"
        draft = parse_draft(answer.text, cut=answer.finish_reason == "length")
        if isinstance(draft, str):
            return draft
        llm = context.tools.llm()
        return Task(
            id=hashlib.sha256(f"{draft.signature}\n{draft.text}".encode()).hexdigest()[:12],
            text=draft.text,
            signature=draft.signature,
            entry_point=draft.entry_point,
            example=draft.example,
            concepts=concepts,
            seed=seed,
            generation=Generation(
                model=llm.model,
                weights=llm.weights,
                prompt_version=f"{template('concepts').version} {template('task').version}",
                temperature=self.temperature,
                top_p=self.top_p,
                top_k=self.top_k,
                max_tokens=self.max_tokens,
                seed=request.seed,
            ),
            repairs=draft.repairs,
        )

    def _overlaps(self, task: Task, what: str, id: str, context: Context) -> bool:
        """Whether a task is one of a benchmark's; it is dropped then, with the item's name."""
        match = overlap(context, task.example, f"{task.text}\n{task.signature}", task.entry_point)
        if match is not None:
            drop_match(context, what, id, match, f"{task.signature} {task.text}")
        return match is not None

    def _distinct(self, tasks: Iterable[Task], context: Context) -> Iterator[Task]:
        """The tasks without those that say the same as an earlier one."""
        seen: dict[int, str] = {}
        for task in tasks:
            key = int(task_fingerprint(task.text, task.signature), 16)
            if key in seen:
                id = task.seed.id if task.seed else task.id
                context.drop("row", id, "equals an earlier task", f"{seen[key]}: {task.text}")
            else:
                seen[key] = task.id
                yield task

    def _clear(self, tasks: Sequence[Task], context: Context) -> Iterator[Task]:
        """The tasks that the LLM does not call vague; what is no verdict drops the task too, under its own name."""
        sampling = Sampling(0.0, 1.0, 0, max_tokens=8)
        requests = [
            Request(
                template("judge").render(text=task.text, signature=task.signature),
                sampling,
                request_seed(context.seed, task.id, "judge"),
            )
            for task in tasks
        ]
        for task, answers in zip(tasks, ask(context, requests), strict=True):
            words = answers[0].text.split()
            verdict = words[0].strip(".,*`\"'").lower() if words else ""
            if verdict == "clear":
                yield task
                continue
            reason = "judged vague" if verdict == "vague" else "judge said neither clear nor vague"
            context.drop("row", task.seed.id if task.seed else task.id, reason, f"{answers[0].text}: {task.text}")


def _shortened(seed: Seed) -> str:
    """The function with its docstring cut to the first paragraph: prompts are read token by token."""
    tree = syntax_tree(seed.code)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body[0] = ast.Expr(ast.Constant(seed.docstring.split("\n\n")[0]))
    return ast.unparse(ast.fix_missing_locations(tree))
