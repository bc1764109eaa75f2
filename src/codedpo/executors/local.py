"""Shards in, made by processes of this machine: each has its own interpreter and its share of sandbox workers."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import IO, Literal

from codedpo.checks import require_at_least
from codedpo.context import Advance, Tools
from codedpo.errors import RecordError
from codedpo.executors import Executor, here
from codedpo.executors.worker import Share
from codedpo.sandbox import SandboxSettings
from codedpo.shards import Made, Work

_ATTEMPTS = 3
_STOP_SECONDS = 5.0
_SHARDS_HERE = 2
"""Shards of the driver's own: while one is written the sandbox works on the other."""


@dataclass(frozen=True)
class LocalExecutor:
    """Make shards on this machine."""

    kind: Literal["local"] = "local"
    processes: int = 0
    """Processes that make shards of the stages that ask no LLM; 0 makes them in the driver itself."""

    def __post_init__(self) -> None:
        require_at_least(self, "executor", processes=0)

    @property
    def shares_memory(self) -> bool:
        """Whether shards are made in the driver's own process."""
        return not self.processes

    @contextlib.contextmanager
    def open(self, sandbox: SandboxSettings, workers: int, tools: Tools) -> Generator[Executor]:
        """The executor, for as long as the context lasts.

        Args:
            sandbox: settings of the processes' own sandboxes.
            workers: sandbox processes of all together.
            tools: the driver's, used where it makes the shards itself.
        """
        if not self.processes:
            yield here("cores", _SHARDS_HERE, tools)
            return
        share = Share(sandbox, max(1, workers // self.processes))
        pool = [_Process(share) for _ in range(self.processes)]
        free: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        for process in pool:
            free.put(process)

        def make(work: Work, advance: Advance) -> Made:
            process = free.get()
            try:
                made = process.make(work)
            finally:
                free.put(process)
            advance(rows=made.read)
            return made

        try:
            yield Executor("processes", self.processes, make)
        finally:
            for process in pool:
                process.stop()
            deadline = time.monotonic() + _STOP_SECONDS  # one for all, however many there are
            for process in pool:
                process.end(patience_seconds=max(0.0, deadline - time.monotonic()))

    @contextlib.contextmanager
    def open_quiet(self, sandbox: SandboxSettings, tools: Tools) -> Generator[Executor]:
        """The executor for shards that measure time: the driver, one at a time."""
        yield here("quiet", 1, tools)


class _Process:
    """One process, started when it is first needed and again when it dies."""

    def __init__(self, share: Share):
        self._share = share
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def make(self, work: Work) -> Made:
        for _ in range(_ATTEMPTS):
            try:
                answer = self._ask(work)
            # ValueError: the pipe was closed while it was read, since the run stops
            except (EOFError, BrokenPipeError, ValueError, pickle.UnpicklingError):
                self.end(patience_seconds=0)
                continue
            if isinstance(answer, Exception):
                raise answer
            return answer
        raise RecordError(
            f"{work.shard.path}: the process that made it died {_ATTEMPTS} times. Is the machine out of memory? Take "
            "fewer executor.processes or a smaller shard_size, and run again"
        )

    def stop(self) -> None:
        """Take no more shards; the process ends after the one under way, or when `end` loses patience."""
        self._stopped = True
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                _pipes(self._process)[0].close()

    def _ask(self, work: Work) -> Made | Exception:
        if self._stopped:
            raise RecordError(f"{work.shard.path}: was not made, since the run stopped")
        if self._process is None:
            self._process = self._start()
        stdin, stdout = _pipes(self._process)
        pickle.dump(work, stdin)
        stdin.flush()
        return pickle.load(stdout)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "codedpo.executors.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,  # Ctrl-C is the driver's to handle
        )
        pickle.dump(self._share, _pipes(process)[0])
        return process

    def end(self, *, patience_seconds: float) -> None:
        """Close the process's input, upon which it ends; kill it where it is busy for too long."""
        process, self._process = self._process, None
        if process is None:
            return
        stdin, stdout = _pipes(process)
        with contextlib.suppress(BrokenPipeError):
            stdin.close()
        try:
            process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        stdout.close()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None and process.stdout is not None
    return process.stdin, process.stdout
