"""A configuration in, what a run would do out: counts, requests, tokens and time, before anything starts."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path

from codedpo.config import Config
from codedpo.pipeline import STAGE_NAMES
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


def describe_plan(config: Config, until: str | None) -> str:
    """The plan as text; estimates say what they assume."""
    stages = STAGE_NAMES[: STAGE_NAMES.index(until) + 1] if until else STAGE_NAMES
    start = config.tasks.path or config.samples.path
    seeds = config.limit or (sum(1 for _ in read_rows(Path(start))) if start else 0)
    tasks = seeds if start else math.ceil(seeds * _VALID_TASKS)
    samples = config.samples
    answers = math.ceil(samples.n_tests / samples.tests_per_answer) + samples.extra_test_answers
    requests = {
        "tasks": 0 if start else seeds * 2,
        "samples": tasks
        * (
            math.ceil(samples.n_solutions / samples.choices_per_request)
            + math.ceil(answers / samples.choices_per_request)
            + math.ceil(samples.input_generators / samples.choices_per_request)
        ),
    }
    tokens = {
        "tasks": 0 if start else seeds * (_CONCEPT_TOKENS + config.tasks.drafts * _DRAFT_TOKENS),
        "samples": tasks
        * (
            samples.n_solutions * _SOLUTION_TOKENS
            + answers * _TEST_TOKENS
            + samples.input_generators * _GENERATOR_TOKENS
        ),
    }
    cells = tasks * samples.n_solutions * samples.n_tests
    lines = [f"run folder {config.run_folder}, model {config.llm.model}, seed {config.seed}", ""]
    if not seeds:
        lines += ["No limit is set: how many rows the sources give is known only when they are read.", ""]
    for name in stages:
        line = f"  {name:<12}"
        if name in requests:
            minutes = tokens[name] / _TOKENS_PER_SECOND / 60
            line += f"about {requests[name]:,} requests, {tokens[name]:,} tokens, {minutes:.0f} min"
        elif name == "seeds":
            line += f"{len(config.seeds.sources)} sources, at most {seeds or 'all'} rows"
        elif name == "executions":
            line += f"at most {cells:,} executions, {cells / _EXECUTIONS_PER_SECOND / 60:.1f} min"
        else:
            line += f"about {tasks:,} tasks"
        lines.append(line)
    if until is None and config.train is not None:
        steps = tasks * config.train.epochs * (1 - config.train.held_out)
        lines.append(f"  {'train':<12}about {steps:.0f} pairs seen, {steps * _SECONDS_PER_PAIR / 60:.0f} min")
    if until is None and config.evaluate is not None:
        problems = len(config.evaluate.problems())
        minutes = 2 * problems * _PROBLEM_TOKENS / _TOKENS_PER_SECOND / 60
        lines.append(f"  {'evaluate':<12}{problems} problems, before and after, {minutes:.0f} min")
    lines += [
        "",
        f"Assumed: {_TOKENS_PER_SECOND} tokens/s, {_SECONDS_PER_PAIR} s a pair, {_EXECUTIONS_PER_SECOND} executions/s, "
        f"{_VALID_TASKS:.0%} of the seeds give a task, one correctness pair a task (two cores, a 0.5B model).",
    ]
    return "\n".join(lines)


def starting_config() -> str:
    """The text of the configuration that `codedpo init` writes."""
    return (resources.files("codedpo") / "starting.yaml").read_text(encoding="utf-8")
