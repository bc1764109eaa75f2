"""Several processes that torchrun starts train as one does, and end with the one that waits for them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare import largest_difference, various_pairs
from forked import in_fork
from jobs import make_job, make_settings, run_job

import codedpo
from codedpo.errors import ModelError
from codedpo.llms.loading import load_trained
from codedpo.models import locate
from codedpo.train.job import TrainJob
from codedpo.train.launch import join_training, run_training
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
         ("ddp", "kto", 0), ("fsdp", "sft", 0), ("ddp", "sft", 4), ("fsdp", "dpo", 0)]  # fmt: skip
SLOW = [pytest.param(*case, marks=pytest.mark.slow) for case in CASES[1:]]


@pytest.mark.parametrize(("sharding", "method", "rank"), [CASES[0], *SLOW])
@pytest.mark.timeout(400)
def test_two_processes_train_as_one(sharding: Any, method: str, rank: int, tiny: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"method": method, "lora_rank": rank, "learning_rate": 0.1 if rank else 0.01}
    one = run_job(job_of(tiny, tmp_path / "one", Launch(), **changes))
    steps: list[tuple[int, int]] = []
    launch = Launch(processes=2, sharding=sharding)
    two = run_training(job_of(tiny, tmp_path / "two", launch, **changes), lambda *step: steps.append(step))
    assert steps == [(done, two.steps) for done in range(1, one.steps + 1)]
    assert curve(two, "loss") == pytest.approx(curve(one, "loss"), rel=1e-4)
    assert two.held_out_margin_gain == pytest.approx(one.held_out_margin_gain, rel=1e-3, abs=1e-5)
    assert two.weight_change == pytest.approx(one.weight_change, rel=1e-3)
    assert two.weight_change > 1e-4
    assert largest_difference(tmp_path / "one" / "final", tmp_path / "two" / "final") < 1e-5
    loaded = load_trained(locate(str(tiny), tiny), tmp_path / "two" / "final")
    assert all(bool(np.isfinite(value.detach().numpy()).all()) for value in loaded.parameters())


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("sharding", ["fsdp", "ddp"])
def test_two_processes_go_on_as_one_that_was_not_killed(sharding: Any, tiny: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"method": ("sft", "rpo"), "lora_rank": 4, "learning_rate": 0.1, "save_steps": 1}
    launch = Launch(processes=2, sharding=sharding)
    one = run_job(job_of(tiny, tmp_path / "one", Launch(), **changes))
    job = job_of(tiny, tmp_path / "two", launch, **changes)

    def interrupt(done: int, total: int) -> None:
        if list(job.folder.glob("1-rpo/checkpoint-2/whole")):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(job, interrupt)
    assert list(job.folder.glob("1-rpo/checkpoint-2/whole"))
    two = run_training(job, silent)
    assert two.steps == one.steps
    assert curve(two, "loss") == pytest.approx(curve(one, "loss"), rel=1e-4)
    assert largest_difference(tmp_path / "one" / "final", job.folder / "final") < 1e-5


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("sharding", ["fsdp", "ddp"])
def test_two_processes_go_on_within_an_epoch_with_the_rows_that_are_left(
    sharding: Any, tiny: Path, tmp_path: Path
) -> None:
    # Two steps an epoch: the checkpoint of step 3 lies in the middle of the second epoch, whose order is its own.
    changes: dict[str, Any] = {"epochs": 3, "save_steps": 3}
    one = run_job(job_of(tiny, tmp_path / "one", Launch(), **changes))
    job = job_of(tiny, tmp_path / "two", Launch(processes=2, sharding=sharding), **changes)

    def interrupt(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(job, interrupt)
    assert list(job.folder.glob("0-rpo/checkpoint-3/whole"))
    two = run_training(job, silent)
    assert curve(two, "loss") == pytest.approx(curve(one, "loss"), rel=1e-4)
    assert largest_difference(tmp_path / "one" / "final", job.folder / "final") < 1e-5


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_process_begins_anew_where_two_left_sharded_checkpoints(tiny: Path, tmp_path: Path) -> None:
    one = run_job(job_of(tiny, tmp_path / "one", Launch(), save_steps=1))
    job = job_of(tiny, tmp_path / "two", Launch(processes=2), save_steps=1)

    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(job, interrupt)
    assert list(job.folder.glob("0-rpo/checkpoint-2/whole"))
    alone = run_job(replace(job, settings=replace(job.settings, launch=Launch())))
    assert curve(alone, "loss") == pytest.approx(curve(one, "loss"), rel=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_machines_train_as_one(tiny: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        master = f"127.0.0.1:{free.getsockname()[1]}"
    launch = Launch(nodes=2, master=master, sharding="ddp")
    one = run_job(job_of(tiny, tmp_path / "one", Launch()))
    errors: list[ModelError] = []

    def join() -> None:
        try:
            join_training(replace(launch, node_rank=1), tmp_path / "joined.log")
        except ModelError as error:
            errors.append(error)

    other = threading.Thread(target=join)
    other.start()
    two = run_training(job_of(tiny, tmp_path / "two", launch), silent)
    other.join()
    assert not errors
    assert curve(two, "loss") == pytest.approx(curve(one, "loss"), rel=1e-4)
    assert largest_difference(tmp_path / "one" / "final", tmp_path / "two" / "final") < 1e-5


@pytest.mark.timeout(400)
def test_an_error_in_a_process_reaches_the_one_that_waits(tiny: Path, tmp_path: Path) -> None:
    job = job_of(tiny, tmp_path / "two", Launch(processes=2), max_length=10)
    with pytest.raises(
        ModelError, match=r"^train: no pair is left to train on .*\(the processes' log: .*processes\.log"
    ):
        run_training(job, silent)
    assert not (job.folder / "result.json").exists()


@pytest.mark.timeout(400)
def test_processes_end_when_the_one_that_waits_is_interrupted(tiny: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        assert len(descendants(os.getpid())) >= 3  # torchrun and its two
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(job_of(tiny, tmp_path / "two", Launch(processes=2, sharding="ddp"), epochs=50), interrupt)
    # `_source` sees to it that none is left.


@pytest.mark.timeout(400)
def test_processes_end_when_the_one_that_waits_is_killed(tiny: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"

    def kill(done: int, total: int) -> None:
        started.write_text(" ".join(map(str, descendants(os.getpid()))))
        os.kill(os.getpid(), signal.SIGKILL)

    job = job_of(tiny, tmp_path / "two", Launch(processes=2, sharding="ddp"), epochs=5000)
    assert in_fork(lambda: run_training(job, kill)) == -signal.SIGKILL
    pids = [int(pid) for pid in started.read_text().split()]
    assert len(pids) >= 4  # the guard, torchrun and its two
    end = time.monotonic() + 100
    while any(map(is_alive, pids)):
        assert time.monotonic() < end
        time.sleep(0.1)


def is_alive(pid: int) -> bool:
    """Not ended, nor waiting to be reaped by whoever has adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_launcher_that_starts_fewer_processes_is_an_error(tmp_path: Path) -> None:
    # As `accelerate launch --cpu --num_processes 2` does: one process, silently.
    environment = {name: value for name, value in os.environ.items() if name not in ("WORLD_SIZE", "RANK")}
    command = [sys.executable, "-m", "codedpo.train.worker", "2", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    said = "train.launch: 2 processes should train together, but the launcher started 1"
    assert done.returncode == 1
    assert said in done.stderr
    assert (tmp_path / "error.txt").read_text().startswith(said)
