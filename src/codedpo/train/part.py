# pyright: basic, reportPrivateImportUsage=false
# (torch, transformers, peft and TRL are only partly typed)
"""A job of one method in, a trained model in its folder out; goes on from the last whole checkpoint.

load     the model, and what an earlier training left
prepare  pairs -> token ids; what is too long or says nothing is left out and counted (data.py)
score    pairs under the reference model, kept for other trainings (reference.py)
train    TRL's trainer for the method (arguments.py, trainers.py), watched (watching.py, likelihood.py)
score    held-out pairs once more, and write the model and the result
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codedpo.errors import ModelError
from codedpo.llms.loading import load_tokenizer
from codedpo.train.arguments import trl_config
from codedpo.train.card import write_card
from codedpo.train.checkpoints import (
    forget_other_forms,
    keep_the_last,
    last_checkpoint,
    mark_whole,
    remove_checkpoints,
    writing,
)
from codedpo.train.data import ChatTokenizer, PreferenceData, prepare
from codedpo.train.job import TrainJob
from codedpo.train.likelihood import Likelihood, LikelihoodCurve, likelihood, tokenise_probes
from codedpo.train.lora import load_trainable, lora_config
from codedpo.train.methods import method_of
from codedpo.train.processes import Processes
from codedpo.train.reference import reference_folder, reference_scores
from codedpo.train.result import TrainResult, write_result
from codedpo.train.rows import Row, best_of_each_task, dpo_rows, kto_rows, label, sequences_to_score, sft_rows
from codedpo.train.scoring import PairScore, chosen_gain, margin_gain, preference_accuracy, reward_accuracy, score_pairs
from codedpo.train.trainers import reference_placeholder, trainer_class
from codedpo.train.watching import OnNote, OnStep, Warnings, watch

_LOG = logging.getLogger("codedpo")
_SAMPLE = 256


@dataclass(frozen=True)
class _Loaded:
    """A model that is about to be trained."""

    weights: Any
    tokenizer: Any
    chat: ChatTokenizer

    @property
    def pad(self) -> int:
        return int(self.tokenizer.pad_token_id)


@dataclass(frozen=True)
class _HeldOut:
    """Held-out pairs under the model before and after."""

    before: list[PairScore]
    after: list[PairScore]


def train_part(job: TrainJob, *, on_step: OnStep, on_note: OnNote, processes: Processes) -> TrainResult:
    """Train by one method, or what is left of it.

    Args:
        on_note: told what the check of the data says, before training, and warnings as they arise.

    Raises:
        ModelError: see `trainer.train`.
    """
    model = _load(job)
    data = prepare(job.pairs, model.chat, max_length=job.settings.max_length, held_out=job.held_out)
    if not data.train:
        raise ModelError(_nothing_left(job, data))
    before = _reference_pairs(job, model, data, processes)
    rows, data = _rows(job, model, data, processes)
    if processes.is_first:
        _tell(data, on_note)
    trainer = _make_trainer(job, model, rows)
    _require_together(trainer, processes)
    warnings, curve = Warnings(on_note, job.settings.batch_size), _curve(job, model, trainer, processes)
    trainer.add_callback(watch(on_step, warnings, job.folder, is_first=processes.is_first))
    trainer.add_callback(mark_whole(processes))
    start = _sample(trainer.model)
    _run(trainer, job, processes)
    change = _largest_change(start, _sample(trainer.model))
    held_out = _HeldOut(before, score_pairs(trainer.model, data.held_out, pad=model.pad))
    warnings.look_at_held_out([new.chosen - old.chosen for old, new in zip(before, held_out.after, strict=True)])
    with writing("the trained model", job.folder):
        _save(trainer, job)
    result = replace(
        _result(trainer, data, change, held_out),
        trained_rows=len(rows), likelihoods=tuple(curve.found), warnings=tuple(warnings.told),
    )  # fmt: skip
    processes.wait()
    if processes.is_first:
        write_card(job, result, job.folder / "final")
        (job.folder / "README.md").unlink(missing_ok=True)  # TRL's card, which names no base model
        write_result(result, job.folder)
        remove_checkpoints(job.folder)
    processes.wait()
    return result


def _tell(data: PreferenceData, on_note: OnNote) -> None:
    lines = list(data.check.lines())
    on_note(lines)
    for line in lines:
        _LOG.info("train: %s", line)


def _load(job: TrainJob) -> _Loaded:
    import torch

    torch.manual_seed(job.seed)
    tokenizer = load_tokenizer(job.model)
    weights = load_trainable(job.settings, job.model, job.start)
    return _Loaded(weights, tokenizer, ChatTokenizer.of(tokenizer, weights))


def _nothing_left(job: TrainJob, data: PreferenceData) -> str:
    check = data.check
    return (
        f"train: no pair is left to train on ({check.pairs} pairs, {check.overlong} longer than train.max_length "
        f"{job.settings.max_length}, {check.identical} identical, {check.held_out} held out)"
    )


def _reference_pairs(job: TrainJob, model: _Loaded, data: PreferenceData, processes: Processes) -> list[PairScore]:
    """Held-out pairs under the model before training."""
    sequences = [sequence for pair in data.held_out for sequence in pair.sequences]
    scores = _scores(job, model, sequences, processes)
    return [
        PairScore(scores[chosen.key], scores[rejected.key], len(chosen.completion), len(rejected.completion))
        for chosen, rejected in (pair.sequences for pair in data.held_out)
    ]


def _scores(job: TrainJob, model: _Loaded, sequences: Sequence[Any], processes: Processes) -> Mapping[str, float]:
    folder = processes.agree(str(reference_folder(job.references, job.model, job.start, _form(job, model))))
    return reference_scores(model.weights, sequences, Path(folder), pad=model.pad, processes=processes)


def _form(job: TrainJob, model: _Loaded) -> str:
    """How the weights were loaded, which moves their log-probabilities."""
    settings, weights = job.settings, model.weights
    return f"{weights.dtype} {weights.device.type} {settings.attention} {json.dumps(settings.quantisation)}"


def _rows(
    job: TrainJob, model: _Loaded, data: PreferenceData, processes: Processes
) -> tuple[list[Row], PreferenceData]:
    """What TRL is given, and the data with the labels counted where there are labels."""
    settings, method = job.settings, method_of(str(job.settings.method))
    if method.trainer == "sft":
        return list(sft_rows(best_of_each_task(data.train))), data
    rows = max(settings.device_batch_size, method.least_device_rows) * settings.launch.world
    labels = (
        label(data.train, rows=rows, seed=job.seed, max_length=settings.max_length) if method.trainer == "kto" else None
    )
    labelled = labels.rows if labels else ()
    scores: Mapping[str, float] = {}
    if settings.precompute_reference:
        scores = _scores(job, model, sequences_to_score(method, data.train, labelled), processes)
    if labels is None:
        return list(dpo_rows(data.train, scores)), data
    if not labelled:
        raise ModelError(f"train: {len(data.train)} pairs are too few for KTO, which takes {rows} programs at a time")
    good = sum(entry.is_good for entry in labelled)
    counted = replace(data.check, positives=good, negatives=len(labelled) - good, unfilled=labels.unfilled)
    return list(kto_rows(labelled, scores)), replace(data, check=counted)


def _make_trainer(job: TrainJob, model: _Loaded, rows: Sequence[Row]) -> Any:
    from datasets import Dataset
    from peft import PeftModel
    from transformers import PrinterCallback

    settings, method = job.settings, method_of(str(job.settings.method))
    has_adapter = isinstance(model.weights, PeftModel)
    asks = method.trainer != "sft" and not settings.precompute_reference
    if asks and job.model.is_gguf and not (settings.lora_rank or job.start):
        raise ModelError("train.precompute_reference: false makes TRL load the reference again; it reads no GGUF file")
    is_scored = settings.precompute_reference and method.trainer != "sft"
    arguments = {
        "model": model.weights,
        "args": trl_config(settings, job.folder, seed=job.seed),
        "train_dataset": Dataset.from_list([dict(row) for row in rows]),
        "processing_class": model.tokenizer,
        "peft_config": lora_config(settings, model.weights) if settings.lora_rank and not has_adapter else None,
        **({"ref_model": reference_placeholder()} if is_scored else {}),
    }
    try:
        trainer = trainer_class(method, settings)(**arguments)
    except (ValueError, TypeError, NotImplementedError, OSError) as error:
        raise ModelError(f"train: TRL cannot train {job.model.name} by {settings.method} so: {error}") from error
    if is_scored:
        trainer.ref_model = None
    trainer.remove_callback(PrinterCallback)  # the run's own panel shows progress
    return trainer


def _require_together(trainer: Any, processes: Processes) -> None:
    seen = trainer.accelerator.num_processes
    if seen != processes.world:
        raise ModelError(
            f"train: {processes.world} processes were started, but the trainer sees {seen}: each would train alone; "
            "see train.launch"
        )


def _curve(job: TrainJob, model: _Loaded, trainer: Any, processes: Processes) -> LikelihoodCurve:
    """The curve of held-out solutions, which looks where there are any."""
    probes = tokenise_probes(job.probes, model.chat, max_length=job.settings.max_length)

    def score(step: int) -> Likelihood:
        return likelihood(step, trainer.model, probes, pad=model.pad)

    curve = LikelihoodCurve(job.folder / "likelihood.jsonl", score, writes=processes.is_first)
    if probes:
        trainer.add_callback(curve.callback(job.settings.likelihood_points))
    return curve


def _run(trainer: Any, job: TrainJob, processes: Processes) -> None:
    if processes.is_first:
        form = job.settings.launch.sharding if processes.world > 1 else "ddp"
        if forget_other_forms(job.folder, form):
            _LOG.warning("train: checkpoints of another train.launch.sharding cannot be gone on from; beginning anew")
    processes.wait()
    checkpoint = last_checkpoint(job.folder, unfinished=True)
    if checkpoint is not None:
        _LOG.info("train: going on from %s", checkpoint)
    with keep_the_last(job.folder):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def _save(trainer: Any, job: TrainJob) -> None:
    adapters = getattr(trainer.model, "peft_config", {})
    if "ref" in adapters:
        trainer.model.delete_adapter("ref")  # TRL's copy of the adapter as it was, to ask it as the reference
    trainer.save_model(str(job.folder / "final"))


def _sample(weights: Any) -> dict[str, Any]:
    """The first numbers of each weight that is trained, whole weights being too many to keep twice."""
    found: dict[str, Any] = {}
    for name, value in weights.named_parameters():
        if value.requires_grad:
            whole = value.full_tensor() if hasattr(value, "full_tensor") else value  # sharded by FSDP2
            found[name.replace("module.", "")] = whole.detach().flatten()[:_SAMPLE].cpu().clone()
    return found


def _largest_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    return max(((after[name] - value).abs().max().item() for name, value in before.items()), default=math.nan)


def _result(trainer: Any, data: PreferenceData, change: float, held_out: _HeldOut) -> TrainResult:
    curves: tuple[dict[str, float], ...] = tuple(
        {str(k): float(v) for k, v in entry.items() if isinstance(v, int | float)}
        for entry in trainer.state.log_history
    )
    losses = [entry["loss"] for entry in curves if "loss" in entry]
    if not losses or not math.isfinite(losses[-1]) or not math.isfinite(change):
        raise ModelError(f"train: the loss or the weights are not finite (losses {losses[-3:]})")
    before, after = held_out.before, held_out.after
    return TrainResult(
        steps=trainer.state.global_step,
        trained_pairs=len(data.train),
        trained_rows=0,
        held_out_pairs=len(data.held_out),
        overlong_pairs=data.check.overlong,
        final_loss=losses[-1],
        weight_change=change,
        held_out_accuracy_before=preference_accuracy(before),
        held_out_accuracy_after=preference_accuracy(after),
        held_out_reward_accuracy=reward_accuracy(before, after),
        held_out_margin_gain=margin_gain(before, after),
        held_out_chosen_gain=chosen_gain(before, after),
        curves=curves,
        likelihoods=(),
        check=data.check,
        warnings=(),
        chosen_gains=tuple(new.chosen - old.chosen for old, new in zip(before, after, strict=True)),
        rejected_gains=tuple(new.rejected - old.rejected for old, new in zip(before, after, strict=True)),
    )
