"""Pairs in, token ids for training and for scoring out: what cannot be trained on whole is dropped and counted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codedpo.errors import ModelError
from codedpo.records import Message, Pair
from codedpo.train.check import DataCheck, Fate, check

Ids = NDArray[np.int32]
"""Token ids, (length,)."""


@dataclass(frozen=True, eq=False)
class PromptCompletion:
    """What a model is asked, and an answer whose probability is looked for or raised, as token ids."""

    prompt: Ids
    completion: Ids
    """Up to and with the token that ends the turn."""

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.completion)

    @property
    def key(self) -> str:
        """The same for equal token ids, and for no others."""
        digest = hashlib.sha256(self.prompt.tobytes())
        digest.update(b"|" + self.completion.tobytes())
        return digest.hexdigest()[:32]


@dataclass(frozen=True, eq=False)
class TokenisedPair:
    """A pair as token ids: what the model is trained and scored on."""

    pair: Pair
    prompt: Ids
    chosen: Ids
    """Completion only, up to and with the token that ends the turn."""
    rejected: Ids

    @property
    def length(self) -> int:
        """Tokens of the prompt and the longer completion."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))

    @property
    def sequences(self) -> tuple[PromptCompletion, PromptCompletion]:
        """Chosen and rejected, each with the prompt."""
        return PromptCompletion(self.prompt, self.chosen), PromptCompletion(self.prompt, self.rejected)


@dataclass(frozen=True)
class PreferenceData:
    """What is trained on and what is only scored."""

    train: tuple[TokenisedPair, ...]
    held_out: tuple[TokenisedPair, ...]
    check: DataCheck


@dataclass(frozen=True)
class ChatTokenizer:
    """Chats in, token ids out, through the model's own chat template: the one that it is asked with."""

    tokenizer: Any
    end_tokens: frozenset[int]
    """Ids of tokens at which the model stops; generation stops there too."""

    @classmethod
    def of(cls, tokenizer: Any, weights: Any) -> ChatTokenizer:
        """The tokenizer of these weights, which may know end tokens of their own."""
        ends: Any = weights.generation_config.eos_token_id if weights.generation_config else None
        listed: Any = ends if isinstance(ends, list) else [ends]
        return cls(tokenizer, frozenset(id for id in [tokenizer.eos_token_id, *listed] if id is not None))

    def ask(self, messages: Sequence[Message]) -> Ids:
        """The prompt as the model is asked, up to where its answer begins."""
        return self._ids(messages, generation=True)

    def answer(self, messages: Sequence[Message], answer: Sequence[Message]) -> PromptCompletion:
        """The prompt and the model's answer, which ends with the token that ends the turn.

        Raises:
            ModelError: the template renders the prompt alone differently, or ends no turn with an end token.
        """
        prompt, whole = self.ask(messages), self._ids([*messages, *answer])
        if not np.array_equal(whole[: len(prompt)], prompt):
            raise ModelError(
                "the model's chat template renders a prompt with an answer differently from the prompt alone: it would "
                "be trained on another text than it is asked with; give the tokenizer another chat template"
            )
        ends = np.flatnonzero(np.isin(whole[len(prompt) :], list(self.end_tokens)))
        rest = self.tokenizer.decode(whole[len(prompt) + ends[-1] + 1 :]).strip() if len(ends) else "all"
        if rest:
            raise ModelError(
                "the model's chat template ends an answer with none of the model's end tokens "
                f"({self.tokenizer.convert_ids_to_tokens(sorted(self.end_tokens))}): it would never learn to stop"
            )
        return PromptCompletion(prompt, whole[len(prompt) :][: ends[-1] + 1])

    def _ids(self, messages: Sequence[Message], *, generation: bool = False) -> Ids:
        text = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=generation)
        return np.asarray(self.tokenizer(text, add_special_tokens=False)["input_ids"], dtype=np.int32)


def prepare(
    pairs: Sequence[Pair], tokenizer: ChatTokenizer, *, max_length: int, held_out: frozenset[str]
) -> PreferenceData:
    """Tokenise through the chat template; leave out what is too long, says nothing or was there before.

    Args:
        max_length: tokens of prompt and longer completion.
        held_out: names of tasks that are not trained on.

    Raises:
        ModelError: the chat template cannot serve, see `ChatTokenizer.answer`.
    """
    tokenised = [_tokenise(pair, tokenizer) for pair in pairs]
    seen: set[tuple[str, str]] = set()
    fates: list[Fate] = []
    for row in tokenised:
        fates.append(_fate(row, max_length, seen, held_out))
    kept = list(zip(tokenised, fates, strict=True))
    return PreferenceData(
        train=tuple(row for row, fate in kept if fate == "trained on"),
        held_out=tuple(row for row, fate in kept if fate == "held out"),
        check=check([row.length for row in tokenised], fates, [row.pair.kind for row in tokenised]),
    )


def _fate(row: TokenisedPair, max_length: int, seen: set[tuple[str, str]], held_out: frozenset[str]) -> Fate:
    chosen, rejected = (sequence.key for sequence in row.sequences)
    if chosen == rejected:
        return "identical"
    if row.length > max_length:
        return "overlong"
    if (chosen, rejected) in seen:
        return "duplicate"
    seen.add((chosen, rejected))
    return "held out" if row.pair.task_id in held_out else "trained on"


def _tokenise(pair: Pair, tokenizer: ChatTokenizer) -> TokenisedPair:
    chosen, rejected = (tokenizer.answer(pair.prompt, answer) for answer in (pair.chosen, pair.rejected))
    return TokenisedPair(pair, chosen.prompt, chosen.completion, rejected.completion)
