"""Several processes that torchrun starts train as one does, and end with the one that waits for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare import largest_difference, various_pairs
from jobs import make_job, make_settings, run_job

import codedpo
from codedpo.llms.loading import load_trained
from codedpo.models import locate
from codedpo.train.job import TrainJob
from codedpo.train.launch import run_training
from codedpo.train.result import TrainResult
from codedpo.train.settings import Launch
from killing import descendants
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def _source(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is started runs this source, with one thread, and leaves nothing behind."""
    monkeypatch.setenv("PYTHONPATH", str(Path(codedpo.__file__).parents[1]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = set(descendants(os.getpid()))
    yield
    assert set(descendants(os.getpid())) <= before


def job_of(tiny: Path, folder: Path, launch: Launch, **changes: Any) -> TrainJob:
    """Two epochs of two steps of four pairs, two more held out."""
    rows = 4 // launch.world
    values = {"learning_rate": 0.01, "batch_size": 4, "epochs": 2, "args": {"optim": "sgd"}, **changes}
    settings = make_settings(device_batch_size=rows, launch=launch, **values)
    return make_job(settings, tiny, various_pairs(10), folder, held_out=frozenset({"3", "4"}), references=folder / "r")


def silent(done: int, total: int) -> None: ...


def curve(result: TrainResult, name: str) -> list[float]:
    return [entry[name] for entry in result.curves if name in entry]


CASES = [("fsdp", "rpo", 0), ("ddp", "rpo", 4), ("fsdp", "rpo", 4), ("ddp", "rpo", 0), ("fsdp", "kto", 4),
         ("ddp", "sft", 0), ("fsdp", "sft", 0), ("ddp", "kto", 0)]  # fmt: skip
SLOW = [pytest.param(*case, marks=pytest.mark.slow) for case in CASES[2:]]


@pytest.mark.parametrize(("sharding", "method", "rank"), [*CASES[:2], *SLOW])
def test_two_processes_train_as_one(sharding: Any, method: str, rank: int, tiny: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"method": method, "lora_rank": rank, "learning_rate": 0.1 if rank else 0.01}
    one = run_job(job_of(tiny, tmp_path / "one", Launch(), **changes))
    steps: list[tuple[int, int]] = []
    launch = Launch(processes=2, sharding=sharding)
    two = run_training(job_of(tiny, tmp_path / "two", launch, **changes), lambda *step: steps.append(step))
    assert steps == [(done, 4) for done in range(1, 5)] if method != "kto" else steps
    assert curve(two, "loss") == pytest.approx(curve(one, "loss"), rel=1e-4)
    assert two.held_out_margin_gain == pytest.approx(one.held_out_margin_gain, rel=1e-3, abs=1e-5)
    assert two.weight_change == pytest.approx(one.weight_change, rel=1e-3)
    assert two.weight_change > 1e-4
    assert largest_difference(tmp_path / "one" / "final", tmp_path / "two" / "final") < 1e-5
    loaded = load_trained(locate(str(tiny), tiny), tmp_path / "two" / "final")
    assert all(bool(np.isfinite(value.detach().numpy()).all()) for value in loaded.parameters())
