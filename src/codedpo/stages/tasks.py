"""Seeds in, tasks out: the LLM names a seed's key concepts, then writes a task with an exact signature from them."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from codedpo.checks import require_at_least
from codedpo.code.drafts import Draft, parse_concepts, parse_draft
from codedpo.context import Context
from codedpo.llms import Completion, Request, Sampling
from codedpo.prompting import template
from codedpo.records import Generation, Seed, Task
from codedpo.stages.asking import ask


@dataclass(frozen=True)
class WriteTasks:
    """Write one task from each seed."""

    NAME: ClassVar[str] = "tasks"
    VERSION: ClassVar[int] = 1
    MAKES: ClassVar[type] = Task
    NEEDS: ClassVar[Literal["llm"]] = "llm"

    drafts: int = 3
    """Tasks asked for per seed; the first valid one is kept."""
    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 0
    max_tokens: int = 300
    concept_temperature: float = 0.3
    concept_max_tokens: int = 80
    path: str = field(default="", metadata={"key": False})
    """Start here, with the tasks of this JSONL or Parquet file, instead of from seeds."""

    def __post_init__(self) -> None:
        require_at_least(self, "tasks", drafts=1, max_tokens=1, concept_max_tokens=1, temperature=0)

    def __call__(self, rows: Iterable[Seed], context: Context) -> Iterator[Task]:
        seeds = list(rows)
        concepts = self._name_concepts(seeds, context)
        named = [(seed, words) for seed, words in zip(seeds, concepts, strict=True) if words]
        requests = [self._draft_request(seed, words, context.seed) for seed, words in named]
        answers = ask(context, requests)
        for (seed, words), request, drafts in zip(named, requests, answers, strict=True):
            task = self._first_valid(seed, words, request, drafts, context)
            context.advance(rows=1)
            if task is not None:
                yield task

    def _name_concepts(self, seeds: Sequence[Seed], context: Context) -> list[tuple[str, ...]]:
        sampling = Sampling(self.concept_temperature, self.top_p, self.top_k, self.concept_max_tokens)
        requests = [
            Request(
                template("concepts").render(code=_shortened(seed)), sampling, _seed(context.seed, seed.id, "concepts")
            )
            for seed in seeds
        ]
        concepts: list[tuple[str, ...]] = []
        for seed, answers in zip(seeds, ask(context, requests), strict=True):
            words = parse_concepts(answers[0].text)
            if answers[0].finish_reason == "refused":
                context.drop("row", seed.id, f"the server refused the request: {answers[0].problem}")
                context.advance(rows=1)
            elif not words:
                context.drop("row", seed.id, "no concepts in the answer", answers[0].text)
                context.advance(rows=1)
            concepts.append(words)
        return concepts

    def _draft_request(self, seed: Seed, concepts: tuple[str, ...], run_seed: int) -> Request:
        sampling = Sampling(self.temperature, self.top_p, self.top_k, self.max_tokens, stop=("\nConcepts:", "\nTASK:"))
        messages = template("task").render(concepts="; ".join(concepts))
        return Request(messages, sampling, _seed(run_seed, seed.id, "task"), n=self.drafts)

    def _first_valid(
        self, seed: Seed, concepts: tuple[str, ...], request: Request, answers: Sequence[Completion], context: Context
    ) -> Task | None:
        reasons: list[str] = []
        for number, answer in enumerate(answers):
            draft = parse_draft(answer.text)
            if isinstance(draft, Draft):
                return self._task(seed, concepts, request, draft, context)
            reasons.append(draft)
            context.drop("draft", f"{seed.id}#{number}", draft, answer.text)
        context.drop("row", seed.id, "no valid draft", "; ".join(reasons))
        return None

    def _task(self, seed: Seed, concepts: tuple[str, ...], request: Request, draft: Draft, context: Context) -> Task:
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
        )


def _seed(run_seed: int, row: str, purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{run_seed}:{row}:{purpose}".encode()).digest()[:4]) >> 1


def _shortened(seed: Seed) -> str:
    """The function with its docstring cut to the first paragraph: prompts are read token by token."""
    tree = ast.parse(seed.code)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body[0] = ast.Expr(ast.Constant(seed.docstring.split("\n\n")[0]))
    return ast.unparse(ast.fix_missing_locations(tree))
