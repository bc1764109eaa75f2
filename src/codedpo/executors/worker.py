"""Shards to make in on stdin, what was made out on stdout: the process that `local.py` starts, and Ray's too.

It ends when its stdin does, so it never outlives the run, whatever ends that.
"""

from __future__ import annotations

import os
import pickle
import socket
import sys
import traceback
from dataclasses import dataclass
from typing import IO, NoReturn

from codedpo.errors import CodeDPOError, LLMError, RecordError
from codedpo.sandbox import Sandbox, SandboxSettings
from codedpo.shards import Made, Work, make_shard

_CLAIMS: list[socket.socket] = []


@dataclass(frozen=True)
class Share:
    """A process's part of the machine."""

    sandbox: SandboxSettings
    workers: int
    """Sandbox processes of its own, one core each."""


class WorkerTools:
    """The tools of a process that makes shards: a sandbox. The LLM, its cache and its budget stay in the driver."""

    def __init__(self, share: Share):
        self._share = share
        self._sandbox: Sandbox | None = None

    def llm(self) -> NoReturn:
        raise LLMError("a stage that asks the LLM must declare NEEDS = 'llm': its shards are made in the driver")

    def benchmarks(self) -> NoReturn:
        raise RecordError("a stage that compares with benchmarks must declare NEEDS = 'llm' or be the first one")

    def sandbox(self) -> Sandbox:
        if self._sandbox is None:
            claim_cores(self._share.workers)
            self._sandbox = Sandbox.of(self._share.sandbox, workers=self._share.workers)
        return self._sandbox

    def close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()


def claim_cores(count: int) -> None:
    """Stay on `count` cores that no other such process on this machine has; on all where there are not enough.

    Sandbox processes pin themselves to the first cores that they may use, so neighbours would share them. A claim is an
    abstract socket's name: the kernel gives it back when the process ends, however that happens.
    """
    cores: list[int] = []
    for core in sorted(os.sched_getaffinity(0)):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0codedpo-core-{core}")
        except OSError:
            claim.close()
            continue
        _CLAIMS.append(claim)
        cores.append(core)
        if len(cores) == count:
            os.sched_setaffinity(0, cores)
            return


def make_or_tell(work: Work, tools: WorkerTools) -> Made | Exception:
    """Make a shard; an error is returned, since it is an answer and no reason to try again."""
    try:
        return make_shard(work, tools, _say_nothing)
    except (CodeDPOError, OSError) as error:
        return error
    except Exception:  # the boundary of this process: a mistake in a stage or a plug-in, told with its place
        return RecordError(f"{work.shard.path}: {work.stage.NAME} failed:\n{traceback.format_exc()}")


def _say_nothing(*, rows: int = 0, answers: int = 0, tokens: int = 0) -> None: ...


def _serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    tools = WorkerTools(pickle.load(requests))
    try:
        while True:
            try:
                work = pickle.load(requests)
            except EOFError:
                return
            pickle.dump(make_or_tell(work, tools), answers)
            answers.flush()
    finally:
        tools.close()


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as stdout:
        os.dup2(2, 1)  # what a plug-in prints must not be taken for an answer
        _serve(sys.stdin.buffer, stdout)
