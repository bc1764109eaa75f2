"""Tokens in; what was spent, and whether it was too much, out: one budget a run, whatever the number of threads."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from codedpo.checks import require_at_least
from codedpo.errors import ConfigError
from codedpo.llms import Completion

_CHARACTERS_PER_TOKEN = 3
"""For servers that do not report their usage; code has 3 to 4, so the estimate is rather high."""


@dataclass(frozen=True)
class Budget:
    """What a run folder may spend on its language model, all starts together; cached answers cost nothing."""

    max_tokens_total: int = 0
    """Prompt and completion tokens; 0 means no limit."""
    max_cost: float = 0.0
    """In the currency of the prices; 0 means no limit."""
    prompt_price: float = 0.0
    """Per million prompt tokens."""
    completion_price: float = 0.0
    """Per million completion tokens."""

    def __post_init__(self) -> None:
        require_at_least(self, "llm.budget", max_tokens_total=0, max_cost=0, prompt_price=0, completion_price=0)
        if self.max_cost and not (self.prompt_price or self.completion_price):
            raise ConfigError("llm.budget.max_cost: needs llm.budget.prompt_price or completion_price above 0")

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Money for these tokens."""
        return (prompt_tokens * self.prompt_price + completion_tokens * self.completion_price) / 1e6


@dataclass(frozen=True)
class Usage:
    """What was asked and answered since this start; cached answers are not in it."""

    requests: int = 0
    """HTTP requests, or batches' rows in this process, that gave a valid answer."""
    retries: int = 0
    answers: int = 0
    cut: int = 0
    """Answers that ended at max_tokens."""
    refused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Meter:
    """Counts what a run spends; thread-safe."""

    def __init__(self, budget: Budget | None = None):
        self._budget = budget or Budget()
        self._earlier = (0, 0)  # prompt and completion tokens
        self._usage = Usage()
        self._lock = threading.Lock()

    def start_with(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Tell what earlier starts spent."""
        self._earlier = (prompt_tokens, completion_tokens)

    @property
    def usage(self) -> Usage:
        return self._usage

    @property
    def cost(self) -> float:
        """Money spent, earlier starts included."""
        return self._budget.cost(*self._tokens())

    def _tokens(self) -> tuple[int, int]:
        used = self._usage
        return (self._earlier[0] + used.prompt_tokens, self._earlier[1] + used.completion_tokens)

    def answered(self, completions: Sequence[Completion]) -> None:
        """Count the completions of one request: its prompt is paid for once."""
        kept = [completion for completion in completions if completion.finish_reason != "refused"]
        with self._lock:
            used = self._usage
            self._usage = replace(
                used,
                requests=used.requests + 1,
                answers=used.answers + len(kept),
                cut=used.cut + sum(completion.finish_reason == "length" for completion in kept),
                refused=used.refused + len(completions) - len(kept),
                prompt_tokens=used.prompt_tokens + (kept[0].prompt_tokens if kept else 0),
                completion_tokens=used.completion_tokens + sum(spent_tokens(completion) for completion in kept),
            )

    def retried(self) -> None:
        """Count a request that was sent again."""
        with self._lock:
            self._usage = replace(self._usage, retries=self._usage.retries + 1)

    def stop_reason(self) -> str:
        """Why nothing more may be asked, or an empty string."""
        budget, (prompt, completion) = self._budget, self._tokens()
        if 0 < budget.max_tokens_total <= prompt + completion:
            return (
                f"the budget is spent: {prompt + completion:,} tokens of llm.budget.max_tokens_total = "
                f"{budget.max_tokens_total:,}"
            )
        if 0 < budget.max_cost <= budget.cost(prompt, completion):
            cost = budget.cost(prompt, completion)
            return f"the budget is spent: {cost:.2f} of llm.budget.max_cost = {budget.max_cost:g}"
        return ""


def spent_tokens(completion: Completion) -> int:
    """Tokens of an answer, estimated where the server did not tell them."""
    return completion.completion_tokens or -(-len(completion.text) // _CHARACTERS_PER_TOKEN)
