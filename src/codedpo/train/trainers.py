# pyright: basic, reportPrivateUsage=false, reportPrivateImportUsage=false
# (torch, transformers, peft and TRL are only partly typed)
"""A method in, TRL's trainer for it out, on data that is tokenised and scored by the reference already.

The classes take away what TRL would do to the data a second time, and see to it that a batch means the same however it
is cut into forward passes: its order (order.py), each row's weight, and RPO's SFT term. TRL means that over all chosen
tokens of a forward pass; here, as in the paper of the term (arXiv 2404.19733, equation 1), it is a mean over the
tokens of each chosen program and then over programs. With one pair to a pass the two are the same.

KTO is the exception: its KL divergence is estimated from the rows that share a forward pass, over all processes, so
another `device_batch_size` gives another estimate. Two processes with 2 rows each do what one with 4 does.
"""

from __future__ import annotations

from typing import Any

from codedpo.train.methods import Method
from codedpo.train.order import Order
from codedpo.train.settings import Train

LENGTH = "length"
"""The column by which rows of similar length are put together."""


def trainer_class(method: Method, settings: Train) -> Any:
    """The trainer's class for one method."""
    if method.trainer == "sft":
        return _sft_trainer(settings)
    return _kto_trainer() if method.trainer == "kto" else _dpo_trainer(method, settings)


def reference_placeholder() -> Any:
    """A model of no size, for a trainer whose rows hold the reference's scores already.

    Without one TRL hashes all weights, copies a trained adapter and, with FSDP, loads the model a second time.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    return LlamaForCausalLM(config)


class _Recorder:
    """A model that keeps what it returned last."""

    def __init__(self, model: Any):
        self._model = model
        self.output: Any = None

    def __call__(self, **inputs: Any) -> Any:
        self.output = self._model(**inputs)
        return self.output


def _dpo_trainer(method: Method, settings: Train) -> Any:
    import torch
    from trl import DPOTrainer

    class Trainer(DPOTrainer):
        _rows_per_pass = 1.0

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _precompute_ref_logps(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return _order(self, settings)

        def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> Any:
            batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
            if batches:
                self._rows_per_pass = sum(_pairs(batch) for batch in batches) / len(batches)
            return batches, items

        def _compute_loss(self, model: Any, inputs: Any, return_outputs: Any) -> Any:
            weight = _pairs(inputs) / self._rows_per_pass  # an epoch's last pass may have fewer rows
            if not method.has_sft_term:
                return weight * super()._compute_loss(model, inputs, return_outputs)
            recorder = _Recorder(model)
            preference = weight * super()._compute_loss(recorder, inputs, return_outputs)
            sft = weight * self._sft_loss(recorder.output, inputs)
            self._log_parts(preference, sft)
            return preference + settings.sft_weight * sft

        def _sft_loss(self, output: Any, inputs: Any) -> Any:
            mask = inputs["completion_mask"][:, 1:].chunk(2)[0]  # (pairs, length - 1): of the chosen ones
            log_probs = output.log_probs[:, -mask.shape[1] :].chunk(2)[0]
            return (-(log_probs * mask).sum(dim=1) / mask.sum(dim=1)).mean()

        def _log_parts(self, preference: Any, sft: Any) -> None:
            both: Any = self.accelerator.gather(torch.stack([preference.detach(), sft.detach()]))
            parts = both.reshape(-1, 2).mean(dim=0).tolist()  # over processes
            for name, value in zip(("loss/dpo", "loss/sft"), parts, strict=True):
                self._metrics["train"][name].append(value)

    return Trainer


def _kto_trainer() -> Any:
    from trl import KTOTrainer

    class Trainer(KTOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _precompute_ref_logps(self, dataset: Any, *_: Any) -> Any:
            return dataset

    return Trainer


def _sft_trainer(settings: Train) -> Any:
    from trl import SFTTrainer

    class Trainer(SFTTrainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return _order(self, settings)

    return Trainer


def _order(trainer: Any, settings: Train) -> Order:
    order = Order(list(trainer.train_dataset[LENGTH]), batch=settings.batch_size, seed=trainer.args.seed)
    trainer.add_callback(_follow_epochs(order))
    return order


def _follow_epochs(order: Order) -> Any:
    """Tells the order which epoch it is: accelerate's loaders do not reach it where several go on within an epoch."""
    from transformers import TrainerCallback

    class Follow(TrainerCallback):
        def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            order.set_epoch(int(state.epoch or 0))

    return Follow()


def _pairs(inputs: Any) -> int:
    return len(inputs["input_ids"]) // 2
