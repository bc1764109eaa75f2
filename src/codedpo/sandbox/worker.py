"""One zygote process: started, asked, started again when it dies."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codedpo.errors import SandboxError

_ZYGOTE = Path(__file__).parent / "jailed" / "zygote.py"
_ATTEMPTS = 2
_LAST_SECONDS = 5.0
_UNLIKE_OTHERS = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4"
"""What numpy is not to use: with it equal keys are sorted into another order than on most machines."""


@dataclass(frozen=True)
class Start:
    """How zygotes are started."""

    memory_mb: int
    python: str = ""
    preload: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """Layers of isolation to leave out, as if this kernel lacked them."""


@dataclass(frozen=True)
class Answer:
    """What a zygote said: a JSON header and a binary tail."""

    header: dict[str, Any]
    tail: bytes


class Worker:
    """One zygote.

    Args:
        scratch: the folder for the untrusted code's files; made here.
        hash_seed: Python's seed for the order of sets.
        number: which of our cores it stays on: its processes talk to each other all the time, and across cores each
            word means waking one up.
    """

    def __init__(self, scratch: Path, start: Start, *, hash_seed: int, number: int):
        self._scratch = scratch
        self._start = start
        self._hash_seed = hash_seed
        self._number = number
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()
        self.layers: tuple[str, ...] = ()

    def start(self) -> None:
        """Start the process and learn which layers of isolation hold; SandboxError where that fails."""
        self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = self._start
        config = {
            "scratch": str(self._scratch),
            "memory_mb": own.memory_mb,
            "preload": own.preload,
            "readable": own.readable,
            "without": own.without,
            "core": _core(self._number),
        }
        python = own.python or os.path.realpath(sys.executable)
        isolated = ["-s", "-B"] if own.python else ["-s", "-S", "-B"]
        environment = {"PYTHONHASHSEED": str(self._hash_seed), "LANG": "C.UTF-8", "TZ": "UTC"}
        environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment["NPY_DISABLE_CPU_FEATURES"] = _UNLIKE_OTHERS
        try:
            self._process = subprocess.Popen(
                [python, *isolated, str(_ZYGOTE), json.dumps(config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
            self.layers = tuple(self._receive().header["layers"])
        except (OSError, EOFError) as error:
            what = f" with {', '.join(own.preload)} preloaded" if own.preload else ""
            raise SandboxError(
                f"a sandbox process of {python}{what} ended at once; is it a working Python, and sandbox.memory_mb "
                f"({own.memory_mb}) enough?"
            ) from error

    def ask(self, request: dict[str, Any], consulted: Callable[[int, bytes], bool] | None = None) -> Answer:
        """The answer to a request; a process that dies on it is replaced, and SandboxError says so the second time.

        Args:
            consulted: says, where the zygote asks in between about something, whether to go on.
        """
        for _ in range(_ATTEMPTS):
            try:
                if self._process is None:
                    self.start()
                self._send(request)
                return self._hear(consulted)
            except (EOFError, BrokenPipeError):
                if self._stopped.is_set():
                    break
                self._kill()
                self.start()
        raise SandboxError("a sandbox process died twice on the same task: is the machine out of memory?")

    def _hear(self, consulted: Callable[[int, bytes], bool] | None) -> Answer:
        """The answer, after what the process asks in between; one that waits for us in vain is ended."""
        answer = self._receive()
        while "consult" in answer.header:
            assert consulted is not None
            try:
                goes_on = consulted(answer.header["consult"], answer.tail)
            except BaseException:
                self._kill()
                self._process = None
                raise
            self._send({"go_on": goes_on})
            answer = self._receive()
        return answer

    @contextlib.contextmanager
    def on_one_core(self, number: int) -> Generator[None]:
        """Keep the process and its new children on one of our cores for as long as the context lasts, where we may.

        Cores differ in what else runs on them, and to change them costs the caches.
        """
        if self._process is None:
            self.start()
        self._move(_core(number))
        try:
            yield
        finally:
            self._move(_core(self._number))

    def _move(self, core: int | None) -> None:
        with contextlib.suppress(OSError):  # then it is measured wherever it runs
            for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
                if core is not None:
                    os.sched_setaffinity(int(child), {core})

    def stop(self) -> None:
        """End the process."""
        self._stopped.set()
        self._kill()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def _kill(self) -> None:
        """End the process, and with it all below it: ask by closing its pipe, kill it where it does not listen."""
        if self._process is None:
            return
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        with contextlib.suppress(BrokenPipeError):
            stdin.close()
        try:
            self._process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        stdout.close()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process is not None and self._process.stdin is not None
        data = json.dumps(message).encode("ascii")
        self._process.stdin.write(struct.pack("=I", len(data)) + data)
        self._process.stdin.flush()

    def _receive(self) -> Answer:
        text_size, tail_size = struct.unpack("=II", self._read(8))
        answer = Answer(json.loads(self._read(text_size)), self._read(tail_size))
        if "fault" in answer.header:
            self._kill()
            self._process = None
            raise SandboxError(f"a sandbox process failed:\n{answer.header['fault']}")
        return answer

    def _read(self, size: int) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise EOFError
        return data


def _core(number: int) -> int | None:
    """One of the cores that we may use; None where the system does not tell them."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    return cores[number % len(cores)]
