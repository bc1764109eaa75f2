"""A training's job in, a trained model in its folder out: the methods of its chain one after the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from codedpo.llms.loading import free_memory
from codedpo.train.card import write_card
from codedpo.train.checkpoints import writing
from codedpo.train.job import TrainJob, part_of
from codedpo.train.lora import write_merged
from codedpo.train.part import train_part
from codedpo.train.processes import Processes
from codedpo.train.result import TrainResult, joined, read_result, write_result
from codedpo.train.watching import OnNote, OnStep, say_nothing


def train(
    job: TrainJob, *, on_step: OnStep, on_note: OnNote = say_nothing, processes: Processes | None = None
) -> TrainResult:
    """Train by each method of the chain in turn; the model or LoRA adapter lands in `job.folder/final`.

    Raises:
        ModelError: no pair to train on, the model cannot be loaded, a number is not finite, or a checkpoint cannot be
            written; the last whole checkpoint is kept.
    """
    together = processes or Processes()
    on_note = _once(on_note)
    results: list[TrainResult] = []
    part = job
    for number, method in enumerate(job.settings.chain):
        part = part_of(job, number, method, part.folder / "final" if number else None)
        done = sum(result.steps for result in results)
        results.append(
            read_result(part.folder)
            or train_part(part, on_step=_behind(done, on_step), on_note=on_note, processes=together)
        )
        free_memory()
    result = joined(results)
    if together.is_first:
        _finish(job, result, part.folder / "final")
        if together.world == 1:  # others would wait for it, longer than they may
            merge_if_asked(job, result)
    together.wait()
    return result


def _behind(done: int, on_step: OnStep) -> OnStep:
    """Counts the steps of earlier methods too."""
    return lambda step, steps: on_step(done + step, done + steps)


def _once(on_note: OnNote) -> OnNote:
    """Says what methods of a chain have in common, such as the lengths of the pairs, once."""
    told: set[str] = set()

    def note(lines: Sequence[str]) -> None:
        new = [line for line in lines if line not in told]
        told.update(new)
        if new:
            on_note(new)

    return note


def _finish(job: TrainJob, result: TrainResult, last: Path) -> None:
    """Put the last method's model in its place; does no harm when done again after an interruption."""
    final = job.folder / "final"
    if not final.exists():
        os.replace(last, final)
    write_card(job, result, final)
    write_result(result, job.folder)


def merge_if_asked(job: TrainJob, result: TrainResult) -> None:
    """Write the merged model where it is asked for, LoRA was trained, and it is not there."""
    merged = job.folder / "merged"
    if job.settings.merge and job.settings.lora_rank and not merged.exists():
        with writing("the merged model", job.folder):
            write_merged(job.model, job.folder / "final", merged)
        write_card(job, result, merged)
