"""A method's name in; which of TRL's trainers it takes and with which loss out. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from codedpo.errors import ConfigError
from codedpo.plugins import did_you_mean

Trainer = Literal["dpo", "kto", "sft"]


@dataclass(frozen=True)
class Method:
    """A way of training on pairs."""

    trainer: Trainer
    loss: str
    """TRL's `loss_type`."""
    has_sft_term: bool = False
    """Adds `sft_weight` x the negative log-probability of the chosen program, a mean over its tokens (RPO)."""
    estimates_kl: bool = False
    """Estimates a KL divergence in each forward pass from programs that do not belong to their prompts."""

    @property
    def least_device_rows(self) -> int:
        """Rows that a forward pass must have: an estimate from one row would be the reward itself."""
        return 2 if self.estimates_kl else 1


# DPO's other losses need no more than the two log-probabilities of each pair.
_OTHER_LOSSES = (
    "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired", "apo_zero",
    "apo_down", "discopop", "sigmoid_norm",
)  # fmt: skip
METHODS = {
    "rpo": Method("dpo", "sigmoid", has_sft_term=True),
    "dpo": Method("dpo", "sigmoid"),
    "kto": Method("kto", "kto", estimates_kl=True),
    "sft": Method("sft", "nll"),
    "dft": Method("sft", "dft"),
    "apo_zero_unpaired": Method("kto", "apo_zero_unpaired"),
    **{name: Method("dpo", name) for name in _OTHER_LOSSES},
}
"""Names for `train.method`: the paper's four, and TRL's stable losses by their own names."""


def method_of(name: str) -> Method:
    """The method of that name.

    Raises:
        ConfigError: there is none; names the nearest.
    """
    if name not in METHODS:
        raise ConfigError(f"train.method: '{name}' is unknown{did_you_mean(name, METHODS)}")
    return METHODS[name]
