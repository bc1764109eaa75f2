"""Language models: requests in, completions out, in the order of the requests; one Protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from codedpo.prompting import TextPrompt
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
    repetition_penalty: float = 1.0
    """1 means none."""


@dataclass(frozen=True)
class Request:
    """Ask for `n` completions of one chat."""

    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int
    n: int = 1
    first: int = 0
    """Index of the first completion that is wanted: those before it are at hand already."""
    begun: TextPrompt | None = None
    """How the answer to the chat begins, for tools that can go on with it (a prefill); others send the chat alone."""
    text: TextPrompt | None = None
    """What a base model goes on with; None: the chat as one text."""


@dataclass(frozen=True)
class Completion:
    """One answer."""

    text: str
    """With what it was begun with: the request's `begun` where the tool went on with it, `text` for a base model."""
    finish_reason: str
    """`stop`; `length` where max_tokens cut the answer; `refused` where the server would not answer this request."""
    prompt_tokens: int
    completion_tokens: int
    problem: str = ""
    """What the server said when it refused."""
    cached: bool = field(default=False, compare=False)
    """Whether it was paid for earlier."""


OnAnswer = Callable[[int, Sequence[Completion]], None]
"""Called in the caller's thread with a request's position and its next completions, in the order of their indices:
once per request, or more often where its completions come in parts."""


class LLM(Protocol):
    """What every language model tool is; safe to call from several threads at once."""

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
            LLMError: some requests got no valid answer after all retries, or the budget is spent; says how many. All
                others were answered and reported first.
        """
        ...
