"""A configuration in, what a run would do out: counts, requests, tokens and time, before anything starts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from codedpo.config import Config
from codedpo.pipeline import STAGE_NAMES, SampleTasks
from codedpo.rows import read_rows

# Means measured with the prompts of this version and qwen2.5-coder-0.5b (docs/performance.md): tokens per answer.
_CONCEPT_TOKENS, _DRAFT_TOKENS, _SOLUTION_TOKENS, _TEST_TOKENS, _PROMPT_TOKENS, _PROBLEM_TOKENS = (
    20,
    100,
    130,
    150,
    200,
    235,
)
_GENERATOR_TOKENS = 80
"""Not measured: the length of the prompt's own example."""
_VALID_TASKS = 0.7
"""Share of seeds that give a task."""
_TOKENS_PER_SECOND = 45
"""llama.cpp on two cores."""
_SECONDS_PER_PAIR = 18
"""One LoRA RPO step of a 0.5B model on two cores."""
_EXECUTIONS_PER_SECOND = 700


@dataclass(frozen=True)
class _Rows:
    """About how many rows there will be."""

    seeds: int
    """At most; 0 where only the sources can tell."""
    tasks: int


def describe_plan(config: Config, until: str | None) -> str:
    """The plan as text; estimates say what they assume."""
    stages = STAGE_NAMES[: STAGE_NAMES.index(until) + 1] if until else STAGE_NAMES
    rows = _expected_rows(config)
    lines = [f"run folder {config.run_folder}, model {config.llm.model}, seed {config.seed}", ""]
    if not rows.seeds:
        lines += ["No limit is set: how many rows the sources give is known only when they are read.", ""]
    lines += [_line(name, _stage(name, config, rows)) for name in stages]
    if until is None:
        lines += _after_the_stages(config, rows)
    lines += [
        "",
        f"Assumed: {_TOKENS_PER_SECOND} tokens/s, {_SECONDS_PER_PAIR} s a pair, {_EXECUTIONS_PER_SECOND} executions/s, "
        f"{_VALID_TASKS:.0%} of the seeds give a task, one correctness pair a task (two cores, a 0.5B model).",
    ]
    return "\n".join(lines)


def _line(step: str, told: str) -> str:
    return f"  {step:<12}{told}"


def _expected_rows(config: Config) -> _Rows:
    start = config.tasks.path or config.samples.path
    seeds = config.limit or (sum(1 for _ in read_rows(Path(start))) if start else 0)
    return _Rows(seeds, seeds if start else math.ceil(seeds * _VALID_TASKS))


def _stage(name: str, config: Config, rows: _Rows) -> str:
    """What a stage has to do."""
    match name:
        case "seeds":
            return f"{len(config.seeds.sources)} sources, at most {rows.seeds or 'all'} rows"
        case "tasks":
            return _tasks(config, rows)
        case "samples":
            return _samples(config.samples, rows)
        case "executions":
            cells = rows.tasks * config.samples.n_solutions * config.samples.n_tests
            return f"at most {cells:,} executions, {cells / _EXECUTIONS_PER_SECOND / 60:.1f} min"
        case _:
            return f"about {rows.tasks:,} tasks"


def _tasks(config: Config, rows: _Rows) -> str:
    if config.tasks.path or config.samples.path:
        return _asked(requests=0, tokens=0)
    tokens = _CONCEPT_TOKENS + config.tasks.drafts * _DRAFT_TOKENS
    return _asked(requests=rows.seeds * 2, tokens=rows.seeds * tokens)


def _samples(samples: SampleTasks, rows: _Rows) -> str:
    test_answers = math.ceil(samples.n_tests / samples.tests_per_answer) + samples.extra_test_answers
    answers = (samples.n_solutions, test_answers, samples.input_generators)
    requests = sum(math.ceil(count / samples.choices_per_request) for count in answers)
    lengths = (_SOLUTION_TOKENS, _TEST_TOKENS, _GENERATOR_TOKENS)
    tokens = sum(count * length for count, length in zip(answers, lengths, strict=True))
    return _asked(requests=rows.tasks * requests, tokens=rows.tasks * tokens)


def _asked(*, requests: int, tokens: int) -> str:
    return f"about {requests:,} requests, {tokens:,} tokens, {tokens / _TOKENS_PER_SECOND / 60:.0f} min"


def _after_the_stages(config: Config, rows: _Rows) -> Iterator[str]:
    """The lines of training and evaluation, where the configuration has them."""
    if config.train is not None:
        steps = rows.tasks * config.train.epochs * (1 - config.train.held_out)
        yield _line("train", f"about {steps:.0f} pairs seen, {steps * _SECONDS_PER_PAIR / 60:.0f} min")
    if config.evaluate is not None:
        problems = len(config.problems())
        minutes = 2 * problems * _PROBLEM_TOKENS / _TOKENS_PER_SECOND / 60
        yield _line("evaluate", f"{problems} problems, before and after, {minutes:.0f} min")


def starting_config() -> str:
    """The text of the configuration that `codedpo init` writes."""
    return (resources.files("codedpo") / "starting.yaml").read_text(encoding="utf-8")
