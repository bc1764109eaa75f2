"""How to train: the `train` section of the configuration. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from codedpo.checks import require_at_least
from codedpo.errors import ConfigError


@dataclass(frozen=True)
class Train:
    """RPO-form DPO (arXiv 2410.05605): sigmoid DPO loss + `sft_weight` x token-mean NLL of the chosen."""

    method: Literal["rpo", "dpo"] = "rpo"
    model: str = ""
    """A packaged model, GGUF file, folder or hub id; empty means the model of `llm`."""
    beta: float = 0.1
    """Strength of the KL term; the paper does not give it, Target-DPO uses 0.1."""
    sft_weight: float = 1.0
    """Weight of the SFT term; the paper does not give it, Target-DPO uses 1.0. Not used by `dpo`."""
    learning_rate: float = 5e-6
    warmup_ratio: float = 0.1
    epochs: float = 1.0
    batch_size: int = 8
    """Pairs per optimiser step."""
    device_batch_size: int = 1
    """Pairs per forward pass; the rest of a batch is accumulated."""
    max_length: int = 1024
    """Tokens of prompt and completion together; longer pairs are dropped and counted, never cut."""
    lora_rank: int = 16
    """0 trains all weights."""
    lora_alpha: int = 32
    lora_last_layers: int = 0
    """Put adapters on the last k layers only (less backward work on a CPU); 0 means on all."""
    held_out: float = 0.2
    """Share of tasks whose pairs are not trained on but scored before and after."""
    save_steps: int = 10
    """Optimiser steps between checkpoints; the last two are kept."""

    def __post_init__(self) -> None:
        require_at_least(self, "train", device_batch_size=1, batch_size=1, save_steps=1, max_length=2, lora_rank=0)
        require_at_least(self, "train", beta=0, sft_weight=0, epochs=0, lora_last_layers=0, learning_rate=0)
        if self.batch_size % self.device_batch_size:
            raise ConfigError(
                f"train.batch_size: {self.batch_size} is not a multiple of train.device_batch_size "
                f"{self.device_batch_size}"
            )
        if not 0 <= self.held_out < 1:
            raise ConfigError(f"train.held_out: {self.held_out} must be at least 0 and less than 1")
