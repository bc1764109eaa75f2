"""A GGUF file served by llama.cpp (xllamacpp): starts the server, gives an OpenAI client of it, stops it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codedpo.checks import require_at_least
from codedpo.errors import LLMError, ModelError
from codedpo.llms import LLM
from codedpo.llms.budget import Budget, Meter
from codedpo.llms.openai import OpenAIServer
from codedpo.models import has_chat_template, locate, weights_hash


@dataclass(frozen=True)
class LlamaCpp:
    """Serve a GGUF model on this machine for as long as the run asks it; a base model, without template, by texts."""

    model: str = "qwen2.5-coder-0.5b"
    """A packaged model's name or a path to a GGUF file."""
    kind: Literal["llamacpp"] = "llamacpp"
    parallel: int = 8
    """Requests generated together."""
    context_tokens: int = 2048
    """Prompt and answer of one request."""
    gpu_layers: int = -1
    """Layers put on a GPU where llama.cpp has one; -1 means all."""
    adapter: str = ""
    """A LoRA adapter for the model, as a GGUF file."""
    budget: Budget = Budget()

    def __post_init__(self) -> None:
        require_at_least(self, "llm", parallel=1, context_tokens=64)

    @property
    def weights(self) -> str:
        """SHA-256 of the GGUF file, and of the adapter's."""
        return weights_hash(self.model) + (f"+{weights_hash(self.adapter)}" if self.adapter else "")

    @contextlib.contextmanager
    def open(
        self, *, cache: Path, log: Path, adapter: Path | None = None, meter: Meter | None = None
    ) -> Generator[LLM]:
        """Start the server, yield a client, stop the server.

        Args:
            cache: folder of fetched models.
            log: file for the server's own log.
            adapter: a LoRA adapter as a GGUF file, to be applied to the model instead of the configured one.

        Raises:
            ModelError: the model cannot be had.
            LLMError: xllamacpp is missing or the server does not start; names the log.
        """
        from codedpo.llms.client import OpenAIClient

        model = locate(self.model, cache)
        if not model.is_gguf:
            raise ModelError(f"llm.model: llama.cpp needs a GGUF file, and '{self.model}' is none; use kind: openai")
        adapter = adapter or self._configured_adapter()
        weights = model.sha256 if adapter is None else f"{model.sha256}+{weights_hash(str(adapter))}"
        api_key = secrets.token_hex(16)
        with _server_process(log) as process:
            address = self._handshake(process, model.path, adapter, api_key, log)
            server = OpenAIServer(
                self.model,
                base_url=f"{address}/v1",
                weights=weights,
                concurrency=self.parallel * 2,
                form="chat" if has_chat_template(model.path) else "text",
                prefill=True,
            )
            with OpenAIClient(server, api_key=api_key, tokenize_url=f"{address}/tokenize", meter=meter) as client:
                yield client

    def _configured_adapter(self) -> Path | None:
        """The adapter of the configuration; ModelError where its file is missing."""
        if not self.adapter:
            return None
        if not Path(self.adapter).exists():
            raise ModelError(f"llm.adapter: {self.adapter} is not there")
        return Path(self.adapter)

    def _handshake(
        self, process: subprocess.Popen[str], model_path: Path, adapter: Path | None, api_key: str, log: Path
    ) -> str:
        assert process.stdin is not None and process.stdout is not None
        settings = {
            "model": self.model,
            "model_path": str(model_path),
            "parallel": self.parallel,
            "context_tokens": self.context_tokens,
            "threads": len(os.sched_getaffinity(0)),
            "api_key": api_key,
            "gpu_layers": self.gpu_layers,
            "adapter_path": str(adapter) if adapter else "",
        }
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
        address = process.stdout.readline().strip()
        if not address:
            tail = log.read_text(errors="replace").splitlines()[-1:] or [""]
            raise LLMError(f"llama.cpp did not start with {model_path}: {tail[0]} (its log: {log})")
        return address


@contextlib.contextmanager
def _server_process(log: Path) -> Generator[subprocess.Popen[str]]:
    """The process that serves, waiting for its settings; it ends with the context. What it prints goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as log_file:
        process = subprocess.Popen(
            [sys.executable, "-m", "codedpo.llms.server_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
