# pyright: basic, reportPrivateImportUsage=false
# (TRL is only partly typed)
"""Settings in, a configuration of TRL's trainer out; arguments of the user's own are checked by name."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from codedpo.errors import ConfigError
from codedpo.plugins import did_you_mean
from codedpo.train.methods import Method, method_of
from codedpo.train.settings import Launch, Train

_OURS = {
    "output_dir": "run_folder", "loss_type": "train.method", "loss_weights": "train.sft_weight", "beta": "train.beta",
    "learning_rate": "train.learning_rate", "warmup_steps": "train.warmup_ratio", "num_train_epochs": "train.epochs",
    "max_steps": "train.steps", "per_device_train_batch_size": "train.device_batch_size",
    "gradient_accumulation_steps": "train.batch_size", "max_length": "train.max_length", "seed": "seed",
    "save_steps": "train.save_steps", "precompute_ref_log_probs": "train.precompute_reference",
    "gradient_checkpointing": "train.gradient_checkpointing", "report_to": "train.report_to",
    "model_init_kwargs": "train.attention or train.quantisation", "fsdp": "train.launch.sharding",
    "data_seed": "seed", "save_strategy": "train.save_steps",
}  # fmt: skip
"""Arguments of TRL that a key of the configuration decides."""
_TOKENISED = "the rows are token ids already, each with its answer marked"
_WITHOUT_EFFECT = {
    "train_sampling_strategy": "the seed decides the order; rows of similar length (KTO: both labels) share a batch",
    "truncation_mode": "too long pairs are dropped and counted, never cut",
    "eval_strategy": "held-out pairs are scored by train.held_out and train.likelihood_points",
    "load_best_model_at_end": "the model of the last step is kept",
    "remove_unused_columns": _TOKENISED, "dataset_kwargs": _TOKENISED, "dataset_text_field": _TOKENISED,
    "packing": _TOKENISED, "assistant_only_loss": _TOKENISED, "completion_only_loss": _TOKENISED,
    "padding_free": "TRL accepts it and does nothing",
}  # fmt: skip
"""Arguments of TRL that would do nothing here, and why; nothing that is asked for is passed over silently."""
_NEEDS_REFERENCE_MODEL = ("ld_alpha", "sync_ref_model")


def check_arguments(settings: Train) -> None:
    """See to it that TRL knows every argument in `train.args`, for each method of the chain.

    Raises:
        ConfigError: one is unknown, would do nothing or has a value that TRL refuses, or another key decides it; says
            what to write.
    """
    for name in settings.chain:
        part = settings.only(name)
        if part.args:
            known = {field.name for field in dataclasses.fields(_config_class(method_of(name)))}
            for argument in part.args:
                _check_argument(argument, known, name)
            _check_values(part)
        for argument in _NEEDS_REFERENCE_MODEL:
            if part.args.get(argument) and part.precompute_reference:
                raise ConfigError(f"train.args.{argument}: needs train.precompute_reference: false")


def trl_config(settings: Train, folder: Path, *, seed: int) -> Any:
    """The trainer's configuration for one method.

    Raises:
        ConfigError: TRL refuses a value.
    """
    import torch

    method = method_of(str(settings.method))
    gpu = torch.cuda.is_available()
    rows = max(settings.device_batch_size, method.least_device_rows)
    chosen: dict[str, Any] = {
        "output_dir": str(folder),
        "loss_type": [method.loss] if method.trainer == "dpo" else method.loss,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": settings.warmup_ratio,
        "num_train_epochs": settings.epochs,
        "max_steps": settings.steps or -1,
        "per_device_train_batch_size": rows,
        "gradient_accumulation_steps": settings.accumulation(rows),
        "max_length": settings.max_length,
        "use_cpu": not gpu,
        "bf16": gpu,
        "gradient_checkpointing": gpu if settings.gradient_checkpointing is None else settings.gradient_checkpointing,
        "train_sampling_strategy": "sequential",  # order.py, and KTO's batches are made beforehand
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # the default logs a loss that is not a number as 0.0
        "save_strategy": "steps",
        "save_steps": settings.save_steps,
        "save_total_limit": 2,
        "report_to": settings.report_to,
        "disable_tqdm": True,
        "dataloader_pin_memory": gpu,
        "seed": seed,
        **_by_trainer(settings, method),
        **({"label_smoothing": 1e-3} if method.loss == "exo_pair" else {}),  # its paper's; TRL refuses 0
        **(_distributed(settings, gpu=gpu) if settings.launch.world > 1 else {}),
    }
    try:
        return _config_class(method)(**{**chosen, **settings.args})
    except (TypeError, ValueError) as error:
        raise ConfigError(f"train.args: {error}") from error


def _by_trainer(settings: Train, method: Method) -> dict[str, Any]:
    if method.trainer == "sft":
        return {"dataset_kwargs": {"skip_prepare_dataset": True}}
    return {"beta": settings.beta, "precompute_ref_log_probs": settings.precompute_reference}


def _distributed(settings: Train, *, gpu: bool) -> dict[str, Any]:
    """FSDP2 or DDP, for which the backend on a CPU is gloo; DeepSpeed cuts up the weights itself."""
    backend = {} if gpu else {"ddp_backend": "gloo"}
    if settings.launch.sharding == "ddp" or "deepspeed" in settings.args:
        return {"ddp_find_unused_parameters": False, **backend}
    return {"fsdp": True, "fsdp_config": {"version": 2, "state_dict_type": "FULL_STATE_DICT"}, **backend}


def _config_class(method: Method) -> Any:
    import trl

    return {"dpo": trl.DPOConfig, "kto": trl.KTOConfig, "sft": trl.SFTConfig}[method.trainer]


def _check_values(settings: Train) -> None:
    """As one process alone would make its configuration: those of several change this process's environment."""
    if "deepspeed" not in settings.args:
        trl_config(dataclasses.replace(settings, launch=Launch()), Path(), seed=0)
    elif find_spec("deepspeed") is None:
        raise ConfigError("train.args.deepspeed: deepspeed is not installed: pip install deepspeed")


def _check_argument(argument: str, known: set[str], method: str) -> None:
    if argument in _OURS:
        raise ConfigError(f"train.args.{argument}: set {_OURS[argument]} instead")
    if argument in _WITHOUT_EFFECT:
        raise ConfigError(f"train.args.{argument}: would do nothing here: {_WITHOUT_EFFECT[argument]}; leave it out")
    if argument not in known:
        raise ConfigError(
            f"train.args.{argument}: TRL has no such argument for {method}{did_you_mean(argument, known)}"
        )
