"""Pairs and settings in, a training's job and its result on a tiny model out."""

from __future__ import annotations

import math
import os
import signal
from pathlib import Path
from typing import Any

from codedpo.models import locate
from codedpo.prompting import completion, solution_prompt
from codedpo.records import Pair
from codedpo.train.job import TrainJob
from codedpo.train.result import TrainResult
from codedpo.train.settings import Train
from codedpo.train.trainer import train


def make_pair(number: int, chosen: str = "", rejected: str = "", **changes: Any) -> Pair:
    """A pair whose programs differ in one letter unless they are given."""
    good = chosen or f"def add(a):\n    return a + {number}"
    bad = rejected or f"def add(a):\n    return a - {number}"
    prompt = list(solution_prompt(f"Add {number}.", "def add(a: int) -> int:"))
    values = {
        "prompt": prompt, "chosen": [completion(good)], "rejected": [completion(bad)], "kind": "correctness",
        "task_id": str(number), "chosen_index": 0, "rejected_index": 1, "chosen_program": good,
        "rejected_program": bad, "chosen_score": 2.0, "rejected_score": 1.0, "margin": 0.5,
        "chosen_seconds": math.nan, "rejected_seconds": math.nan, "ranker": "codedpo", "seed": None, "generation": None,
    }  # fmt: skip
    return Pair(**{**values, **changes})


def make_settings(**changes: Any) -> Train:
    """All weights, no warm-up, one pair a step unless the test says otherwise."""
    values: dict[str, Any] = {"batch_size": 1, "lora_rank": 0, "warmup_ratio": 0, "learning_rate": 1e-3}
    return Train(**{**values, **changes})


def make_job(settings: Train, model: Path | str, pairs: list[Pair], folder: Path, **changes: Any) -> TrainJob:
    """A job whose reference scores lie beside its folder."""
    values: dict[str, Any] = {
        "settings": settings, "model": locate(str(model), folder), "pairs": tuple(pairs), "held_out": frozenset(),
        "probes": (), "folder": folder, "references": folder.parent / "references", "seed": 0,
    }  # fmt: skip
    return TrainJob(**{**values, **changes})


def run_job(job: TrainJob) -> TrainResult:
    """Train in this process."""
    return train(job, on_step=lambda *_: None)


def run_killed(job: TrainJob, at: int, part: int = 0) -> None:
    """Train in a fork of this process that kills itself as a step ends, before that step's checkpoint is written.

    Args:
        at: the step, counted from 1 in each method of a chain.
        part: which method of the chain.
    """
    child = os.fork()
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        return
    begun = 0

    def on_step(done: int, total: int) -> None:
        nonlocal begun
        begun += done == 1
        if done == at and begun == part + 1:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        train(job, on_step=on_step)
    finally:
        os._exit(1)
