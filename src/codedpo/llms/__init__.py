"""Language models: requests in, completions out, in the order of the requests; one Protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from codedpo.records import Message


@dataclass(frozen=True)
class Sampling:
    """Sampling parameters; always sent explicitly, since every server has other defaults."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    """0 means no limit."""
    max_tokens: int = 1024
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """Ask for `n` completions of one chat."""

    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int
    n: int = 1


@dataclass(frozen=True)
class Completion:
    """One answer."""

    text: str
    finish_reason: str
    """`stop`; `length` where max_tokens cut the answer; `refused` where the server would not answer this request."""
    prompt_tokens: int
    completion_tokens: int
    problem: str = ""
    """What the server said when it refused."""


OnAnswer = Callable[[int, Sequence[Completion]], None]
"""Called with a request's position and its completions."""


class LLM(Protocol):
    """What every language model tool is."""

    @property
    def model(self) -> str:
        """The model's name, for provenance."""
        ...

    @property
    def weights(self) -> str:
        """A hash that stands for the weights, or an empty string; part of every cache key."""
        ...

    def generate(self, requests: Sequence[Request], on_answer: OnAnswer) -> list[list[Completion]]:
        """Answer all requests; `on_answer` is called as each one is answered.

        Raises:
            LLMError: a request got no valid answer after all retries; answers until then were reported.
        """
        ...
