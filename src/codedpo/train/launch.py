"""A training's job in, its result out; in this process, or in several that torchrun starts and this one waits for."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, cast

from codedpo.errors import ModelError
from codedpo.train.job import ERROR, TrainJob, write_job
from codedpo.train.result import TrainResult, read_result
from codedpo.train.settings import Launch
from codedpo.train.watching import OnNote, OnStep, say_nothing

_LOG = "processes.log"


def run_training(job: TrainJob, on_step: OnStep, on_note: OnNote = say_nothing) -> TrainResult:
    """Do the training, or what is left of it.

    Raises:
        ModelError: see `trainer.train`; where processes ended without saying why, names their log.
    """
    result = read_result(job.folder) or _train(job, on_step, on_note)
    if job.settings.merge:
        from codedpo.train.trainer import merge_if_asked

        merge_if_asked(job, result)
    return result


def _train(job: TrainJob, on_step: OnStep, on_note: OnNote) -> TrainResult:
    if job.settings.launch.world == 1:
        from codedpo.train.trainer import train

        return train(job, on_step=on_step, on_note=on_note)
    write_job(job)
    (job.folder / ERROR).unlink(missing_ok=True)
    code = _torchrun(job.settings.launch, job.folder / _LOG, [str(job.folder.absolute())], on_step, on_note)
    result = read_result(job.folder)
    if result is None:
        error = job.folder / ERROR
        said = error.read_text() if error.exists() else f"train: the processes ended with code {code}"
        raise ModelError(f"{said} (the processes' log: {job.folder / _LOG})")
    return result


def join_training(launch: Launch, log: Path) -> None:
    """Take part, with this machine's processes, in a training that machine 0 runs.

    Raises:
        ModelError: the processes ended with an error; names their log.
    """
    code = _torchrun(launch, log, [], _say_nothing, say_nothing)
    if code:
        raise ModelError(f"train: the processes of this machine ended with code {code}; see {log}")


def _say_nothing(done: int, total: int) -> None: ...


def _torchrun(launch: Launch, log: Path, folder: Sequence[str], on_step: OnStep, on_note: OnNote) -> int:
    host, _, port = launch.master.rpartition(":")
    meeting = (
        ["--standalone"]
        if launch.nodes == 1
        else [
            f"--nnodes={launch.nodes}",
            f"--node-rank={launch.node_rank}",
            f"--master-addr={host}",
            f"--master-port={port}",
        ]
    )
    command = [sys.executable, "-m", "torch.distributed.run", *meeting, f"--nproc-per-node={launch.processes}"]
    command += ["-m", "codedpo.train.worker", str(launch.world), *folder]
    threads = max(1, len(os.sched_getaffinity(0)) // launch.processes)
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as errors, _ended(command, errors.fileno(), environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told = _told(line)
            if "note" in told:
                on_note(told["note"])
            elif "step" in told:
                on_step(told["step"], told["steps"])
        return process.wait()


def _told(line: str) -> dict[str, Any]:
    """What a worker says; nothing where a library printed the line."""
    with contextlib.suppress(ValueError):
        told = json.loads(line)
        if isinstance(told, dict):
            return cast(dict[str, Any], told)
    return {}


@contextlib.contextmanager
def _ended(command: Sequence[str], errors: int, environment: dict[str, str]) -> Generator[subprocess.Popen[str]]:
    """A process that has ended, with those that it started, when the context ends, or when this process is killed."""
    guarded = [sys.executable, "-m", "codedpo.llms.guarded_process", *command]
    pipe = subprocess.PIPE
    process = subprocess.Popen(guarded, stdin=pipe, stdout=pipe, stderr=errors, env=environment, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process
    finally:
        process.stdin.close()  # the guard ends torchrun, and that its workers
        process.wait()
        process.stdout.close()
