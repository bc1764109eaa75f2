# pyright: basic, reportPrivateUsage=false, reportPrivateImportUsage=false
# (torch, transformers, peft and TRL are only partly typed)
"""A model and prompts with completions in, log-probabilities out: how likely is the model to write them?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from codedpo.train.data import PromptCompletion, TokenisedPair

_BATCH_TOKENS = 2048
"""Tokens of one forward pass, padding included: what it computes at a time fits beside the weights."""


@dataclass(frozen=True)
class PairScore:
    """Summed log-probabilities (nats) of the two completions of one pair, and their lengths in tokens."""

    chosen: float
    rejected: float
    chosen_tokens: int
    rejected_tokens: int

    @property
    def prefers_chosen(self) -> bool:
        """Whether the chosen program has the higher mean log-probability per token."""
        return self.chosen / self.chosen_tokens > self.rejected / self.rejected_tokens


def log_probabilities(weights: Any, sequences: Sequence[PromptCompletion], *, pad: int = 0) -> list[float]:
    """The log-probability (nats) of each completion after its prompt, summed over its tokens; without dropout.

    Sequences of similar length share a forward pass.

    Args:
        weights: a transformers model, or a PEFT model around one.
        pad: id of a token that fills up the shorter ones; it is not looked at.
    """
    was_training = weights.training
    weights.eval()
    found = [0.0] * len(sequences)
    for batch in _batches(sequences):
        values = _score([sequences[index] for index in batch], weights, pad)
        for index, value in zip(batch, values, strict=True):
            found[index] = value
    weights.train(was_training)
    return found


def score_pairs(weights: Any, pairs: Sequence[TokenisedPair], *, pad: int = 0) -> list[PairScore]:
    """Log-probabilities of the completions of pairs under the model as it is."""
    values = log_probabilities(weights, [sequence for pair in pairs for sequence in pair.sequences], pad=pad)
    return [
        PairScore(chosen, rejected, len(pair.chosen), len(pair.rejected))
        for pair, chosen, rejected in zip(pairs, values[::2], values[1::2], strict=True)
    ]


def preference_accuracy(scores: Sequence[PairScore]) -> float:
    """Share of pairs whose chosen program the model prefers; nan without pairs."""
    return sum(score.prefers_chosen for score in scores) / len(scores) if scores else float("nan")


def reward_accuracy(before: Sequence[PairScore], after: Sequence[PairScore]) -> float:
    """Share of pairs whose chosen program gained more log-probability than the rejected one (DPO's implicit reward)."""
    gains = _gains(before, after)
    return sum(gain > 0 for gain in gains) / len(gains) if gains else float("nan")


def margin_gain(before: Sequence[PairScore], after: Sequence[PairScore]) -> float:
    """Mean over pairs of (gain of chosen - gain of rejected) in log-probability, nats; nan without pairs."""
    gains = _gains(before, after)
    return sum(gains) / len(gains) if gains else float("nan")


def chosen_gain(before: Sequence[PairScore], after: Sequence[PairScore]) -> float:
    """Mean gain of the chosen programs in log-probability, nats; nan without pairs."""
    gains = [new.chosen - old.chosen for old, new in zip(before, after, strict=True)]
    return sum(gains) / len(gains) if gains else float("nan")


def _gains(before: Sequence[PairScore], after: Sequence[PairScore]) -> list[float]:
    return [(new.chosen - old.chosen) - (new.rejected - old.rejected) for old, new in zip(before, after, strict=True)]


def _batches(sequences: Sequence[PromptCompletion]) -> Iterator[list[int]]:
    """Indices, the longest first, so that a model that does not fit fails at once."""
    batch: list[int] = []
    longest = 0
    for index in sorted(range(len(sequences)), key=lambda index: -sequences[index].length):
        longest = longest or sequences[index].length
        if batch and (len(batch) + 1) * longest > _BATCH_TOKENS:
            yield batch
            batch, longest = [], sequences[index].length
        batch.append(index)
    if batch:
        yield batch


def _score(batch: Sequence[PromptCompletion], weights: Any, pad: int) -> list[float]:
    """One forward pass; logits only from where the first completion begins."""
    import torch

    longest = max(sequence.length for sequence in batch)
    first = min(len(sequence.prompt) for sequence in batch)
    ids = np.full((len(batch), longest), pad)
    mask = np.zeros((len(batch), longest), dtype=np.int64)
    wanted = np.zeros((len(batch), longest), dtype=bool)
    for row, sequence in enumerate(batch):
        ids[row, : sequence.length] = np.concatenate([sequence.prompt, sequence.completion])
        mask[row, : sequence.length] = 1
        wanted[row, len(sequence.prompt) : sequence.length] = True
    device = weights.device
    tensor = torch.tensor(ids, device=device)
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        output = weights(
            input_ids=tensor,
            attention_mask=torch.tensor(mask, device=device),
            use_cache=False,
            logits_to_keep=longest - first + 1,
        )
    logits = output.logits[:, :-1].float()  # (batch, longest - first, vocabulary)
    targets = tensor[:, first:, None]
    values = logits.gather(2, targets)[..., 0] - torch.logsumexp(logits, dim=-1)
    chosen = torch.tensor(wanted[:, first:], device=device)
    return values.masked_fill(~chosen, 0.0).double().sum(dim=1).tolist()
