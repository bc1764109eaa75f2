"""A training's job in, its result out; in this process, or in several that torchrun starts and this one waits for."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

from codedpo.errors import ModelError
from codedpo.train.job import TrainJob, write_job
from codedpo.train.result import TrainResult, read_result
from codedpo.train.settings import Launch
from codedpo.train.watching import OnNote, OnStep, say_nothing

_LOG = "processes.log"
_ERROR = "error.txt"


def run_training(job: TrainJob, on_step: OnStep, on_note: OnNote = say_nothing) -> TrainResult:
    """Do the training, or what is left of it.

    Raises:
        ModelError: see `trainer.train`; where processes ended without saying why, names their log.
    """
    found = read_result(job.folder)
    if found is not None:
        return found
    if job.settings.launch.world == 1:
        from codedpo.train.trainer import train

        return train(job, on_step=on_step, on_note=on_note)
    write_job(job)
    (job.folder / _ERROR).unlink(missing_ok=True)
    code = _torchrun(job.settings.launch, job.folder / _LOG, [str(job.folder.absolute())], on_step, on_note)
    result = read_result(job.folder)
    if result is None:
        error = job.folder / _ERROR
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
            with contextlib.suppress(ValueError, KeyError, TypeError):  # what libraries print
                told = json.loads(line)
                if "note" in told:
                    on_note(told["note"])
                else:
                    on_step(told["step"], told["steps"])
        return process.wait()


@contextlib.contextmanager
def _ended(command: Sequence[str], errors: int, environment: dict[str, str]) -> Generator[subprocess.Popen[str]]:
    """A process that has ended, with those that it started, when the context ends."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True)
    try:
        yield process
    finally:
        process.terminate()  # torchrun ends its workers
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
