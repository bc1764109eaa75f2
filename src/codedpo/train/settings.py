"""How to train: the `train` section of the configuration. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from codedpo.checks import require_at_least
from codedpo.errors import ConfigError
from codedpo.plugins import did_you_mean
from codedpo.train.methods import method_of

_BY_METHOD = frozenset(
    {
        "beta", "sft_weight", "learning_rate", "warmup_ratio", "epochs", "steps", "batch_size", "device_batch_size",
        "max_length", "save_steps", "likelihood_points", "precompute_reference", "gradient_checkpointing", "args",
    }
)  # fmt: skip
"""What one method of a chain may have of its own; all of them train the same model, in the same way."""


@dataclass(frozen=True)
class Launch:
    """Processes that train together, started by torchrun where there are several. Changes nothing but rounding."""

    processes: int = 1
    """On this machine, such as one for each GPU."""
    nodes: int = 1
    """Machines."""
    node_rank: int = 0
    """Which of them this is; 0 runs the pipeline, the others only train with it."""
    master: str = "127.0.0.1:29500"
    """`host:port` of machine 0, where there are several."""
    sharding: Literal["fsdp", "ddp"] = "fsdp"
    """`fsdp`: weights, gradients and optimiser are cut over the processes (FSDP2). `ddp`: each process holds all."""

    def __post_init__(self) -> None:
        require_at_least(self, "train.launch", processes=1, nodes=1, node_rank=0)
        if self.node_rank >= self.nodes:
            raise ConfigError(f"train.launch.node_rank: {self.node_rank} must be less than nodes, {self.nodes}")
        host, colon, port = self.master.rpartition(":")
        if not (host and colon and port.isdigit()):
            raise ConfigError(f"train.launch.master: '{self.master}' must read host:port")

    @property
    def world(self) -> int:
        """All processes on all machines."""
        return self.processes * self.nodes


@dataclass(frozen=True)
class Train:
    """Preference training as in CodeDPO (arXiv 2410.05605): RPO, or another of TRL's methods."""

    method: str | tuple[str, ...] = "rpo"
    """`rpo`, `dpo`, `kto`, `sft`, a stable loss of TRL by its name (see `METHODS`), or several, one after the other."""
    model: str = ""
    """A packaged model, GGUF file, folder or hub id; empty means the model of `llm`."""
    beta: float = 0.1
    """Strength of the KL term; the paper does not give it, Target-DPO uses 0.1."""
    sft_weight: float = 1.0
    """Weight of the SFT term of `rpo`; the paper does not give it, Target-DPO uses 1.0."""
    learning_rate: float = 5e-6
    warmup_ratio: float = 0.1
    epochs: float = 1.0
    steps: int = 0
    """Optimiser steps; 0 lets `epochs` decide."""
    batch_size: int = 8
    """Rows per optimiser step, over all processes: pairs, for KTO single programs, for SFT solutions."""
    device_batch_size: int = 1
    """Rows per forward pass and process; the rest of a batch is accumulated. Changes nothing but rounding, save for
    KTO, which takes at least 2 and estimates a KL divergence from each pass."""
    max_length: int = 1024
    """Tokens of prompt and completion together; longer pairs are dropped and counted, never cut."""
    lora_rank: int = 16
    """0 trains all weights."""
    lora_alpha: int = 32
    lora_last_layers: int = 0
    """Put adapters on the last k layers only (less backward work on a CPU); 0 means on all."""
    merge: bool = field(default=False, metadata={"key": False})
    """Also write the model with its LoRA adapter merged, to the folder `merged`."""
    held_out: float = 0.2
    """Share of tasks, chosen before there are pairs, that are not trained on but scored as training goes on."""
    likelihood_points: int = 10
    """How often, beside start and end, solutions of held-out tasks are scored by class; 0: only at start and end."""
    likelihood_tasks: int = 32
    """Most held-out tasks whose solutions are scored, two of each class; 0: none."""
    save_steps: int = field(default=10, metadata={"key": False})
    """Optimiser steps between checkpoints; the last two are kept."""
    precompute_reference: bool = True
    """Score the pairs with the reference model once, keep the scores beside the pairs, hold no second model."""
    gradient_checkpointing: bool | None = None
    """Compute activations again instead of keeping them; None: on a GPU only."""
    attention: str = ""
    """Attention kernel by transformers' name, such as `flash_attention_2`; empty lets transformers choose."""
    quantisation: dict[str, Any] = field(default_factory=dict[str, Any])
    """Arguments of transformers' BitsAndBytesConfig, for QLoRA, such as {load_in_4bit: true}."""
    report_to: str = field(default="none", metadata={"key": False})
    """Where TRL also sends its curves: `tensorboard`, `trackio`, `wandb`."""
    args: dict[str, Any] = field(default_factory=dict[str, Any])
    """Any other argument of TRL's DPOConfig, KTOConfig or SFTConfig."""
    by_method: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Other values of this section for one method of a chain, such as {sft: {learning_rate: 2.0e-5}}."""
    launch: Launch = field(default=Launch(), metadata={"key": False})

    def __post_init__(self) -> None:
        require_at_least(self, "train", device_batch_size=1, batch_size=1, save_steps=1, max_length=2, lora_rank=0)
        require_at_least(self, "train", beta=0, sft_weight=0, epochs=0, lora_last_layers=0, learning_rate=0)
        require_at_least(self, "train", steps=0, likelihood_points=0, likelihood_tasks=0)
        if not 0 <= self.held_out < 1:
            raise ConfigError(f"train.held_out: {self.held_out} must be at least 0 and less than 1")
        if not 0 <= self.warmup_ratio < 1:
            raise ConfigError(f"train.warmup_ratio: {self.warmup_ratio} must be at least 0 and less than 1")
        if not self.chain:
            raise ConfigError("train.method: names no method")
        if self.quantisation and not self.lora_rank:
            raise ConfigError("train.quantisation: quantised weights cannot be trained; set train.lora_rank above 0")
        for name in self.by_method:
            self._check_by_method(name)
        for name in self.chain:
            self._check_method(name)

    @property
    def chain(self) -> tuple[str, ...]:
        """The methods in order."""
        return (self.method,) if isinstance(self.method, str) else self.method

    def only(self, method: str) -> Train:
        """These settings for one method of the chain."""
        try:
            return replace(self, method=method, by_method={}, **self.by_method.get(method, {}))
        except TypeError as error:  # such as a word where a number belongs
            raise ConfigError(f"train.by_method.{method}: {error}") from error

    def accumulation(self, rows: int) -> int:
        """Forward passes per optimiser step and process, `rows` in each."""
        return self.batch_size // (rows * self.launch.world)

    def _check_by_method(self, name: str) -> None:
        if name not in self.chain:
            raise ConfigError(f"train.by_method.{name}: is not in train.method{did_you_mean(name, self.chain)}")
        for key in self.by_method[name]:
            if key not in _BY_METHOD:
                raise ConfigError(f"train.by_method.{name}.{key}: cannot be set here{did_you_mean(key, _BY_METHOD)}")

    def _check_method(self, name: str) -> None:
        settings = self.only(name) if self.by_method else self
        rows = max(settings.device_batch_size, method_of(name).least_device_rows)
        if settings.batch_size % (rows * self.launch.world):
            raise ConfigError(
                f"train.batch_size: {settings.batch_size} is not a multiple of {rows} rows a forward pass "
                f"(train.device_batch_size; KTO takes at least 2) x {self.launch.world} processes"
            )
