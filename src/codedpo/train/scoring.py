# pyright: basic, reportPrivateUsage=false, reportPrivateImportUsage=false
# (torch, transformers, peft and TRL are only partly typed)
"""A model and held-out pairs in, log-probabilities out: does it prefer what was chosen?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codedpo.train.data import TokenisedPair


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


def score_pairs(weights: Any, pairs: Sequence[TokenisedPair]) -> list[PairScore]:
    """Log-probabilities of the completions under the model as it is, without dropout."""
    weights.eval()
    return [
        PairScore(
            chosen=_log_probability(weights, pair.prompt, pair.chosen),
            rejected=_log_probability(weights, pair.prompt, pair.rejected),
            chosen_tokens=len(pair.chosen),
            rejected_tokens=len(pair.rejected),
        )
        for pair in pairs
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


def _gains(before: Sequence[PairScore], after: Sequence[PairScore]) -> list[float]:
    return [(new.chosen - old.chosen) - (new.rejected - old.rejected) for old, new in zip(before, after, strict=True)]


def _log_probability(weights: Any, prompt: tuple[int, ...], completion: tuple[int, ...]) -> float:
    import torch

    ids = torch.tensor([prompt + completion], device=weights.device)
    with torch.no_grad():
        logits = weights(input_ids=ids).logits[0, len(prompt) - 1 : -1].float()  # (len(completion), vocabulary)
    targets = ids[0, len(prompt) :]
    return torch.log_softmax(logits, dim=-1).gather(1, targets[:, None]).sum().item()
