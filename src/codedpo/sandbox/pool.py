"""Tasks in, executions in the same order out: the supervisor that starts zygotes and never runs untrusted code."""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codedpo.errors import ConfigError, SandboxError
from codedpo.records import CellReason, Execution, Outcome, Samples

_ZYGOTE = Path(__file__).with_name("zygote.py")
_START_ATTEMPTS = 2


@dataclass(frozen=True)
class Limits:
    """What one solution may use on one test."""

    cpu_seconds: float = 3.0
    """Processor time; decides about a timeout, so that a loaded machine gives the same verdict."""
    wall_seconds: float = 30.0
    """Backstop for code that sleeps; keep it at least 5 times `cpu_seconds`."""
    memory_mb: int = 512
    """Address space."""
    max_timeouts: int = 3
    """A solution's remaining tests are `not_run` once this many timed out."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value <= 0:
                raise ConfigError(f"sandbox.{name}: {value} must be greater than 0")


def require_linux() -> None:
    """Raise SandboxError where the sandbox cannot run at all."""
    if not sys.platform.startswith("linux"):
        raise SandboxError(
            f"the sandbox needs Linux (this is {sys.platform}): run codedpo in a Linux machine or container"
        )


class Sandbox:
    """A pool of jailed worker processes; use it as a context manager.

    Args:
        workers: processes; one per core is right.
        limits: per solution and test.

    Raises:
        SandboxError: not Linux, or the workers cannot be started.
    """

    def __init__(self, *, workers: int = 1, limits: Limits = Limits()):
        require_linux()
        self.limits = limits
        self._folder = Path(tempfile.mkdtemp(prefix="codedpo-sandbox-"))
        self._workers = [_Worker(self._folder / str(index)) for index in range(workers)]
        self._free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")
        try:
            for worker in self._workers:
                worker.start()
                self._free.put(worker)
        except SandboxError:
            self.close()
            raise

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the kernel restrictions that hold here (see jail.py)."""
        return self._workers[0].layers

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers and remove their scratch folders."""
        for worker in self._workers:
            worker.stop()
        self._threads.shutdown(wait=True, cancel_futures=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def execute_many(self, tasks: Iterable[tuple[Sequence[str], Sequence[str]]]) -> Iterator[Execution]:
        """Every solution against every test of each (solutions, tests); in the order of the tasks."""
        for result in self.try_many(tasks):
            if isinstance(result, SandboxError):
                raise result
            yield result

    def try_many(self, tasks: Iterable[tuple[Sequence[str], Sequence[str]]]) -> Iterator[Execution | SandboxError]:
        """As `execute_many`, but a task on which the sandbox itself failed gives its error in its place."""
        pending: deque[Future[Execution]] = deque()
        for solutions, tests in tasks:
            pending.append(self._threads.submit(self._execute, tuple(solutions), tuple(tests)))
            if len(pending) > 2 * len(self._workers):
                yield _result(pending.popleft())
        while pending:
            yield _result(pending.popleft())

    def measure(self, solutions: Sequence[str], tests: Sequence[str], *, rounds: int) -> NDArray[np.float64]:
        """Processor seconds of one pass over `tests`, (n_solutions, rounds); nan where a run did not pass.

        Rounds are interleaved over the solutions, each in a fresh process, after a warm-up.
        """
        if not solutions:
            return np.empty((0, rounds))
        limits = asdict(self.limits)
        limits["wall_seconds"] *= max(1, len(tests)) * 3  # warm-up, calibration, measurement
        request = {"kind": "measure", "solutions": list(solutions), "tests": list(tests), "limits": limits}
        answer = self._ask({**request, "rounds": rounds})
        return np.array(answer["rounds"], dtype=np.float64).T

    def _execute(self, solutions: tuple[str, ...], tests: tuple[str, ...]) -> Execution:
        shape = (len(solutions), len(tests))
        samples = Samples(None, solutions, tests, 0, 0, None, None)
        request = {"kind": "execute", "solutions": solutions, "tests": tests, "limits": asdict(self.limits)}
        cells: list[dict[str, Any]] = self._ask(request)["cells"] if math.prod(shape) else []
        reasons = (
            CellReason(*divmod(index, len(tests)), cell["reason"]) for index, cell in enumerate(cells) if cell["reason"]
        )
        return Execution(
            samples=samples,
            outcomes=np.array([Outcome[cell["outcome"].upper()] for cell in cells], dtype=np.uint8).reshape(shape),
            cpu_seconds=np.array([cell["cpu"] for cell in cells], dtype=np.float32).reshape(shape),
            judged_outside=np.zeros(shape, dtype=bool),
            reasons=tuple(reasons),
        )

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        worker = self._free.get()
        try:
            return worker.ask(request)
        finally:
            self._free.put(worker)


def _result(future: Future[Execution]) -> Execution | SandboxError:
    try:
        return future.result()
    except SandboxError as error:
        return error


class _Worker:
    """One zygote process, started again when it dies."""

    def __init__(self, scratch: Path):
        self._scratch = scratch
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()
        self.layers: tuple[str, ...] = ()

    def start(self) -> None:
        self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = str(self._scratch)
        environment = {"PYTHONHASHSEED": "0", "HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8", "TZ": "UTC"}
        self._process = subprocess.Popen(
            [os.path.realpath(sys.executable), "-s", "-S", "-B", str(_ZYGOTE), scratch],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        try:
            self.layers = tuple(self._receive()["layers"])
        except EOFError as error:
            raise SandboxError(
                f"a sandbox process of {sys.executable} ended at once; is it a working Python?"
            ) from error

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        for _ in range(_START_ATTEMPTS):
            try:
                self._send(request)
                return self._receive()
            except (EOFError, BrokenPipeError):
                if self._stopped.is_set():
                    break
                self._kill()
                self.start()
        if not self._stopped.is_set():
            self._kill()
            self.start()
        raise SandboxError("a sandbox process died twice on the same task: is the machine out of memory?")

    def stop(self) -> None:
        self._stopped.set()
        self._kill()

    def _kill(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process is not None and self._process.stdin is not None
        data = json.dumps(message).encode("ascii")
        self._process.stdin.write(struct.pack("=I", len(data)) + data)
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        (size,) = struct.unpack("=I", self._read(4))
        return json.loads(self._read(size))

    def _read(self, size: int) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise EOFError
        return data
