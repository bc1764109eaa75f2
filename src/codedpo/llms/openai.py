"""Any OpenAI-compatible server as an LLM: settings in, a client of it out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from codedpo.checks import require_at_least
from codedpo.errors import ConfigError, LLMError
from codedpo.llms import LLM
from codedpo.llms.budget import Budget, Meter
from codedpo.llms.wire import Form


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
    form: Form = "chat"
    """`text` for a base model: the chat goes to `/completions` as one text with examples."""
    concurrency: int = 32
    timeout_seconds: float = 600.0
    max_retries: int = 6
    retry_seconds: float = 1.0
    """Wait before the first retry; doubles each time, with jitter; a server's Retry-After goes first."""
    extended: bool = True
    """Send top_k and repetition_penalty too; switch off for OpenAI's own API."""
    prefill: bool = False
    """The server goes on with an answer that has begun (vLLM, SGLang, llama.cpp): benchmarks begin some."""
    budget: Budget = Budget()

    def __post_init__(self) -> None:
        require_at_least(self, "llm", concurrency=1, timeout_seconds=0.001, max_retries=0, retry_seconds=0)
        if not self.base_url.startswith(("http://", "https://")):
            raise ConfigError(f"llm.base_url: '{self.base_url}' must start with http:// or https://")

    @contextlib.contextmanager
    def open(
        self, *, cache: Path, log: Path, adapter: Path | None = None, meter: Meter | None = None
    ) -> Generator[LLM]:
        """Yield a client; the server is not ours to start or stop. `cache` and `log` are not used.

        Raises:
            LLMError: an adapter was given, which only a server that we start can load.
        """
        from codedpo.llms.client import OpenAIClient  # its library takes longer to load than all else here

        if adapter is not None:
            raise LLMError("a LoRA adapter cannot be loaded into a server that runs already")
        weights = f"{self.weights} with prefill".strip() if self.prefill else self.weights
        server = replace(self, weights=weights)  # other answers to the same requests
        with OpenAIClient(server, api_key=os.environ.get(self.api_key_env) or "none", meter=meter) as client:
            yield client
