"""A finished training in, its model card out: base, data, method, hyper-parameters, results, licence."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import yaml

import codedpo
from codedpo.evaluate import PassRate
from codedpo.scores import compare, interval
from codedpo.store import write_text
from codedpo.train.job import TrainJob
from codedpo.train.result import TrainResult
from codedpo.train.settings import Train

_NOT_SHOWN = ("launch", "by_method", "args", "model", "method", "report_to", "save_steps", "likelihood_points")


_NOT_YET = "- pass@1 on benchmarks: see the report of the run"


def write_card(job: TrainJob, result: TrainResult, folder: Path) -> None:
    """Write `README.md` beside the weights, in the form that model hubs read."""
    write_text(folder / "README.md", "\n".join(_lines(job, result)) + "\n")


def add_pass_rates(folder: Path, benchmark: str, before: PassRate, after: PassRate) -> None:
    """Fill in what was measured after training; a second time puts the newer figures in place.

    Args:
        folder: of the weights, which holds the card.
        benchmark: its name, and which part of it.
    """
    card = folder / "README.md"
    head, _, _ = card.read_text(encoding="utf-8").partition("- pass@1 on ")
    write_text(card, head + "\n".join(_pass_rates(benchmark, before, after)) + "\n")


def _pass_rates(benchmark: str, before: PassRate, after: PassRate) -> Iterator[str]:
    change = compare(before, after)
    yield f"- pass@1 on {benchmark}, {len(before.verdicts)} problems, greedy:"
    for rate in (before, after):
        low, high = interval(rate)
        yield f"  - {rate.label}: {rate.value:.1%} (95% interval {low:.1%} to {high:.1%})"
    yield (
        f"  - difference {100 * change.difference:+.1f} points (95% interval {100 * change.low:+.1f} to "
        f"{100 * change.high:+.1f})"
    )


def _lines(job: TrainJob, result: TrainResult) -> Iterator[str]:
    method = " then ".join(job.settings.chain)
    head = {
        "base_model": job.model.name,
        "library_name": "peft" if job.settings.lora_rank else "transformers",
        "license": "other",
        "license_name": "that-of-the-base-model",
        "pipeline_tag": "text-generation",
        "tags": ["code", "preference-optimisation", "codedpo", *job.settings.chain],
    }
    yield f"---\n{yaml.safe_dump(head, sort_keys=False).strip()}\n---\n"
    yield f"# {job.model.name}, trained with {method.upper()} on self-validated code preferences\n"
    yield (
        f"Made by codedpo {codedpo.__version__} (method: CodeDPO, arXiv 2410.05605). Solutions and tests that a model "
        "wrote vouched for each other; no tests written by hand took part.\n"
    )
    yield "## Base\n"
    yield f"- {job.model.name}, SHA-256 `{job.model.sha256}`"
    if job.start is not None:
        yield f"- gone on from the training `{job.start.parent.name}`"
    yield "- Licence: that of the base model holds for these weights; see below for the sources of the data.\n"
    yield from _data(job, result)
    yield from _settings(job.settings, result, job.seed)
    yield from _results(result)


def _data(job: TrainJob, result: TrainResult) -> Iterator[str]:
    generators = sorted({pair.generation.model for pair in job.pairs if pair.generation})
    licences = Counter(pair.seed.licence if pair.seed else "unknown: own tasks" for pair in job.pairs)
    yield "## Data\n"
    yield from (f"- {line}" for line in result.check.lines() if "tokens" not in line)
    yield f"- written by: {', '.join(generators) or 'unknown'}"
    yield f"- ranked by: {', '.join(sorted({pair.ranker for pair in job.pairs}))}"
    yield f"- licences of the source code: {', '.join(f'{name} ({count})' for name, count in licences.most_common())}\n"


def _settings(settings: Train, result: TrainResult, seed: int) -> Iterator[str]:
    yield "## Method and hyper-parameters\n"
    yield f"- method: {' then '.join(settings.chain)}"
    yield f"- optimiser steps: {result.steps}"
    shown = [field.name for field in fields(settings) if field.name not in _NOT_SHOWN]
    yield from (
        f"- {name}: {getattr(settings, name)}" for name in shown if getattr(settings, name) not in ("", {}, None)
    )
    for name, values in (("more arguments of TRL", settings.args), ("by method", settings.by_method)):
        if values:
            yield f"- {name}: `{json.dumps(values)}`"
    if settings.launch.world > 1:
        yield f"- processes: {settings.launch.world} ({settings.launch.sharding})"
    yield f"- seed: {seed}\n"


def _results(result: TrainResult) -> Iterator[str]:
    yield "## Results\n"
    yield f"- last loss: {result.final_loss:.4f}"
    if result.held_out_pairs and math.isfinite(result.held_out_accuracy_after):
        yield (
            f"- held-out pairs ({result.held_out_pairs}): the chosen program is the likelier one per token in "
            f"{result.held_out_accuracy_before:.0%} before and {result.held_out_accuracy_after:.0%} after"
        )
        yield f"- chosen gained more than rejected in {result.held_out_reward_accuracy:.0%}"
    yield from (f"- warning: {text}" for text in result.warnings)
    yield _NOT_YET
