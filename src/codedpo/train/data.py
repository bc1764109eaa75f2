"""Pairs in, training and held-out pairs out: what is too long is dropped and counted, never cut."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codedpo.records import Pair


@dataclass(frozen=True)
class TokenisedPair:
    """A pair as token ids: what the model is trained and scored on."""

    pair: Pair
    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    """Completion only, up to and with its end-of-turn token."""
    rejected: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens of the prompt and the longer completion."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))


@dataclass(frozen=True)
class PreferenceData:
    """What is trained on, what is only scored, and how many pairs were too long."""

    train: tuple[TokenisedPair, ...]
    held_out: tuple[TokenisedPair, ...]
    overlong: int


def prepare(pairs: Sequence[Pair], tokenizer: Any, *, max_length: int, held_out: float) -> PreferenceData:
    """Tokenise through the chat template, drop overlong pairs, split by task.

    Tasks are held out by hash: a task stays on its side whatever else the run holds. At least one task is held out
    where `held_out` is not 0 and there are two tasks.
    """
    tokenised = [_tokenise(pair, tokenizer) for pair in pairs]
    fitting = [pair for pair in tokenised if pair.length <= max_length]
    tasks = sorted({pair.pair.task_id for pair in fitting}, key=lambda id: hashlib.sha256(id.encode()).hexdigest())
    count = max(1, round(held_out * len(tasks))) if held_out and len(tasks) > 1 else 0
    aside = set(tasks[:count])
    return PreferenceData(
        train=tuple(pair for pair in fitting if pair.pair.task_id not in aside),
        held_out=tuple(pair for pair in fitting if pair.pair.task_id in aside),
        overlong=len(tokenised) - len(fitting),
    )


def _tokenise(pair: Pair, tokenizer: Any) -> TokenisedPair:
    prompt = _ids(tokenizer, pair.prompt, generation=True)
    chosen, rejected = (_ids(tokenizer, pair.prompt + answer) for answer in (pair.chosen, pair.rejected))
    return TokenisedPair(pair, prompt, chosen[len(prompt) :], rejected[len(prompt) :])


def _ids(tokenizer: Any, messages: Any, *, generation: bool = False) -> tuple[int, ...]:
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation)
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
