# pyright: basic, reportPrivateUsage=false, reportPrivateImportUsage=false
# (torch, transformers, peft and TRL are only partly typed)
"""Settings, a model and pairs in, a trained model in a folder out; resumes from its last checkpoint."""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codedpo.errors import ModelError
from codedpo.llms.loading import load_tokenizer, load_weights
from codedpo.models import Model
from codedpo.records import Pair
from codedpo.store import write_text
from codedpo.train.data import PreferenceData, TokenisedPair, prepare
from codedpo.train.scoring import PairScore, margin_gain, preference_accuracy, reward_accuracy, score_pairs
from codedpo.train.settings import Train

_LOG = logging.getLogger("codedpo")
VERSION = 2
"""Raised whenever the same pairs and settings would give another model."""


@dataclass(frozen=True)
class TrainResult:
    """What training did; kept as `result.json` beside the weights."""

    steps: int
    trained_pairs: int
    held_out_pairs: int
    overlong_pairs: int
    final_loss: float
    weight_change: float
    """Largest absolute change of a trained weight."""
    held_out_accuracy_before: float
    """Share of held-out pairs whose chosen program has the higher mean log-probability per token."""
    held_out_accuracy_after: float
    held_out_reward_accuracy: float
    """Share of held-out pairs whose chosen program gained more log-probability than the rejected one."""
    held_out_margin_gain: float
    """Mean over held-out pairs of (gain of chosen - gain of rejected) in log-probability, nats."""
    curves: tuple[dict[str, float], ...]
    """One entry per logged step, as TRL names them; `loss/dpo` and `loss/sft` are the two parts."""


OnStep = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""


def train(
    settings: Train, model: Model, pairs: Sequence[Pair], folder: Path, *, seed: int, on_step: OnStep
) -> TrainResult:
    """Train on preference pairs; the model or LoRA adapter lands in `folder/final`.

    Raises:
        ModelError: no pair to train on, the model cannot be loaded, or the loss is not finite.
    """
    import torch

    torch.manual_seed(seed)
    tokenizer = load_tokenizer(model)
    data = prepare(pairs, tokenizer, max_length=settings.max_length, held_out=settings.held_out)
    if not data.train:
        raise ModelError(
            f"train: no pair is left to train on ({len(pairs)} pairs, {data.overlong} longer than train.max_length "
            f"{settings.max_length}, {len(data.held_out)} held out)"
        )
    weights = load_weights(model, master=settings.lora_rank == 0)
    before = score_pairs(weights, data.held_out)
    trainer = _make_trainer(settings, weights, tokenizer, data, folder, seed, on_step)
    start = {name: value.detach().clone() for name, value in trainer.model.named_parameters() if value.requires_grad}
    checkpoint = _last_checkpoint(folder)
    if checkpoint is not None:
        _LOG.info("train: going on from %s", checkpoint)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    change = max((p.detach() - start[n]).abs().max().item() for n, p in trainer.model.named_parameters() if n in start)
    after = score_pairs(trainer.model, data.held_out)
    trainer.model.save_pretrained(folder / "final")
    tokenizer.save_pretrained(folder / "final")
    result = _result(trainer, data, change, before, after)
    write_text(folder / "result.json", json.dumps(asdict(result), indent=1))
    for path in folder.glob("checkpoint-*"):
        shutil.rmtree(path)
    return result


def read_result(folder: Path) -> TrainResult | None:
    """The result of a finished training, or None."""
    path = folder / "result.json"
    if not path.exists():
        return None
    fields = json.loads(path.read_text())
    return TrainResult(**{**fields, "curves": tuple(fields["curves"])})


def _make_trainer(
    settings: Train, weights: Any, tokenizer: Any, data: PreferenceData, folder: Path, seed: int, on_step: OnStep
) -> Any:
    from datasets import Dataset
    from transformers import PrinterCallback

    trainer = _trainer_class(settings)(
        model=weights,
        args=_arguments(settings, folder, seed),
        train_dataset=Dataset.from_list([_trl_row(pair) for pair in data.train]),
        processing_class=tokenizer,
        peft_config=_lora(settings, weights) if settings.lora_rank else None,
        callbacks=[_watch(on_step)],
    )
    trainer.remove_callback(PrinterCallback)  # the run's own panel shows progress
    return trainer


def _trainer_class(settings: Train) -> Any:
    from trl import DPOTrainer

    class Trainer(DPOTrainer):
        """TRL's trainer, which also logs the two parts of the loss (where a forward pass holds one pair)."""

        def _compute_loss(self, model: Any, inputs: Any, return_outputs: Any) -> Any:
            loss = super()._compute_loss(model, inputs, return_outputs)
            if settings.method == "rpo" and settings.sft_weight and inputs["input_ids"].shape[0] == 2:
                metrics = self._metrics["train" if model.training else "eval"]
                margin = metrics["rewards/margins"][-1]
                dpo = math.log1p(math.exp(-abs(margin))) + max(0.0, -margin)  # -log sigmoid(margin)
                metrics["loss/dpo"].append(dpo)
                metrics["loss/sft"].append((loss.item() - dpo) / settings.sft_weight)
            return loss

    return Trainer


def _watch(on_step: OnStep) -> Any:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        """Reports steps and refuses to go on with a loss that is not a number."""

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            on_step(state.global_step, state.max_steps)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            loss = (logs or {}).get("loss", 0.0)
            if not math.isfinite(loss):
                raise ModelError(f"train: the loss is {loss} at step {state.global_step}; lower train.learning_rate")

    return Watch()


def _arguments(settings: Train, folder: Path, seed: int) -> Any:
    import torch
    from trl import DPOConfig

    gpu = torch.cuda.is_available()
    rpo = settings.method == "rpo"
    return DPOConfig(
        output_dir=str(folder),
        loss_type=["sigmoid", "sft"] if rpo else ["sigmoid"],
        loss_weights=[1.0, settings.sft_weight] if rpo else None,
        beta=settings.beta,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=settings.warmup_ratio,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.device_batch_size,
        gradient_accumulation_steps=settings.batch_size // settings.device_batch_size,
        max_length=settings.max_length,
        use_cpu=not gpu,
        bf16=gpu,
        gradient_checkpointing=gpu,
        logging_steps=1,
        logging_nan_inf_filter=False,  # the default logs a loss that is not a number as 0.0
        save_strategy="steps",
        save_steps=settings.save_steps,
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        seed=seed,
    )


def _lora(settings: Train, weights: Any) -> Any:
    from peft import LoraConfig

    layers = weights.config.num_hidden_layers
    first = max(0, layers - settings.lora_last_layers)
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        layers_to_transform=list(range(first, layers)) if settings.lora_last_layers else None,
        task_type="CAUSAL_LM",
    )


def _trl_row(pair: TokenisedPair) -> dict[str, Any]:
    return {"prompt": pair.pair.prompt, "chosen": pair.pair.chosen, "rejected": pair.pair.rejected}


def _last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written whole."""
    whole = [path for path in folder.glob("checkpoint-*") if (path / "trainer_state.json").exists()]
    return max(whole, key=lambda path: int(path.name.split("-")[1]), default=None)


def _result(
    trainer: Any, data: PreferenceData, change: float, before: list[PairScore], after: list[PairScore]
) -> TrainResult:
    curves: tuple[dict[str, float], ...] = tuple(
        {str(k): float(v) for k, v in entry.items() if isinstance(v, int | float)}
        for entry in trainer.state.log_history
    )
    losses = [entry["loss"] for entry in curves if "loss" in entry]
    if not losses or not math.isfinite(losses[-1]) or not math.isfinite(change):
        raise ModelError(f"train: the loss or the weights are not finite (losses {losses[-3:]})")
    return TrainResult(
        steps=trainer.state.global_step,
        trained_pairs=len(data.train),
        held_out_pairs=len(data.held_out),
        overlong_pairs=data.overlong,
        final_loss=losses[-1],
        weight_change=change,
        held_out_accuracy_before=preference_accuracy(before),
        held_out_accuracy_after=preference_accuracy(after),
        held_out_reward_accuracy=reward_accuracy(before, after),
        held_out_margin_gain=margin_gain(before, after),
        curves=curves,
    )
