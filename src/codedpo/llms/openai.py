"""Any OpenAI-compatible server as an LLM: settings in, a client of it out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codedpo.checks import require_at_least
from codedpo.errors import LLMError
from codedpo.llms import LLM


@dataclass(frozen=True)
class OpenAIServer:
    """A server that runs already: vLLM, SGLang, llama.cpp, or a hosted API."""

    model: str
    kind: Literal["openai"] = "openai"
    base_url: str = "http://127.0.0.1:8000/v1"
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; the key itself is never stored."""
    weights: str = ""
    """Any text that changes whenever the served weights do: a served name is not a model."""
    concurrency: int = 32
    timeout_seconds: float = 600.0
    max_retries: int = 6
    retry_seconds: float = 1.0
    extended: bool = True
    """Send top_k and repetition_penalty too; switch off for OpenAI's own API."""

    def __post_init__(self) -> None:
        require_at_least(self, "llm", concurrency=1, timeout_seconds=0.001, max_retries=0, retry_seconds=0)

    @contextlib.contextmanager
    def open(self, *, cache: Path, log: Path, adapter: Path | None = None) -> Generator[LLM]:
        """Yield a client; the server is not ours to start or stop. `cache` and `log` are not used.

        Raises:
            LLMError: an adapter was given, which only a server that we start can load.
        """
        from codedpo.llms.client import OpenAIClient  # its library takes longer to load than all else here

        if adapter is not None:
            raise LLMError("a LoRA adapter cannot be loaded into a server that runs already")
        yield OpenAIClient(
            base_url=self.base_url,
            model=self.model,
            weights=self.weights,
            api_key=os.environ.get(self.api_key_env) or "none",
            concurrency=self.concurrency,
            timeout_seconds=self.timeout_seconds,
            max_retries=self.max_retries,
            retry_seconds=self.retry_seconds,
            extended=self.extended,
        )
