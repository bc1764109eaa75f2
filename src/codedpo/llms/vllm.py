"""A model name in, an OpenAI client of a vLLM server out: starts `vllm serve` in its own environment, waits, stops it.

vLLM's pins clash with TRL's, so it is never imported: the command of another environment is called.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codedpo.checks import require_at_least
from codedpo.errors import LLMError
from codedpo.llms import LLM
from codedpo.llms.budget import Budget, Meter
from codedpo.llms.openai import OpenAIServer
from codedpo.llms.wire import Form
from codedpo.models import weights_hash

_POLL_SECONDS = 0.2
_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class VLLM:
    """Serve a model with vLLM on this machine for as long as the run asks it."""

    model: str
    """A hub id or a folder in the transformers layout."""
    kind: Literal["vllm"] = "vllm"
    command: str = "vllm"
    """The `vllm` program of an environment that has it, such as `~/vllm-env/bin/vllm`."""
    arguments: tuple[str, ...] = ()
    """More arguments of `vllm serve`, such as `--max-model-len=4096`."""
    form: Form = "chat"
    """`text` for a base model, which has no chat template."""
    concurrency: int = 128
    timeout_seconds: float = 600.0
    start_seconds: float = 900.0
    """Longest wait for the server: it may have to fetch the weights first."""
    budget: Budget = Budget()

    def __post_init__(self) -> None:
        require_at_least(self, "llm", concurrency=1, timeout_seconds=0.001, start_seconds=0.001)

    @property
    def weights(self) -> str:
        """The hash that stands for the model's weights, with the server's arguments: one of them may quantise."""
        return " ".join((weights_hash(self.model), *self.arguments))

    @contextlib.contextmanager
    def open(
        self, *, cache: Path, log: Path, adapter: Path | None = None, meter: Meter | None = None
    ) -> Generator[LLM]:
        """Start the server, yield a client, stop the server. `cache` is not used.

        Args:
            log: file for the server's own log.

        Raises:
            LLMError: there is no such command, the server does not start (names its log), or an adapter was given.
        """
        from codedpo.llms.client import OpenAIClient

        if adapter is not None:
            raise LLMError("a LoRA adapter in GGUF cannot be loaded into vLLM")
        program = shutil.which(os.path.expanduser(self.command))
        if program is None:
            raise LLMError(
                f"llm.command: there is no program '{self.command}'. Install vLLM in an environment of its own "
                "(python -m venv vllm-env; vllm-env/bin/pip install vllm) and give the path of its `vllm`, or start a "
                "server yourself and use kind: openai"
            )
        port, api_key = _free_port(), secrets.token_hex(16)
        address = f"http://127.0.0.1:{port}"
        with self._running(program, port, api_key, log) as process:
            self._wait_for(process, address, log)
            server = OpenAIServer(
                self.model,
                base_url=f"{address}/v1",
                weights=self.weights,
                form=self.form,
                prefill=True,
                concurrency=self.concurrency,
                timeout_seconds=self.timeout_seconds,
            )
            with OpenAIClient(server, api_key=api_key, meter=meter) as client:
                yield client

    @contextlib.contextmanager
    def _running(self, program: str, port: int, api_key: str, log: Path) -> Generator[subprocess.Popen[bytes]]:
        command = [program, "serve", self.model, "--host", "127.0.0.1", "--port", str(port), *self.arguments]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as log_file:
            process = subprocess.Popen(
                [sys.executable, "-m", "codedpo.llms.guarded_process", *command],
                stdin=subprocess.PIPE,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
                env={**os.environ, "VLLM_API_KEY": api_key, "VLLM_NO_USAGE_STATS": "1"},
            )
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait_for(self, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not _answers(f"{address}/health"):
            if process.poll() is not None:
                raise LLMError(f"vLLM did not start with {self.model}: {_last_line(log)} (its log: {log})")
            if time.monotonic() > deadline:
                raise LLMError(f"vLLM is not ready after llm.start_seconds = {self.start_seconds:g} (its log: {log})")
            time.sleep(_POLL_SECONDS)


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy between us and loopback
    try:
        with opener.open(url, timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
