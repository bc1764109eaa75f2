# pyright: basic, reportPrivateUsage=false, reportPrivateImportUsage=false
# (torch, transformers, peft and TRL are only partly typed)
"""A method in, TRL's trainer for it out, on data that is tokenised and scored by the reference already.

The three classes take away what TRL would do to the data a second time; nothing else of the trainers is changed, but
for RPO's SFT term. TRL means it over all chosen tokens of a forward pass, so that the loss would depend on how a batch
is cut into passes; here, as in the paper of the term (arXiv 2404.19733, equation 1), it is a mean over the tokens of
each chosen program and then over programs. With one pair to a pass the two are the same.
"""

from __future__ import annotations

from typing import Any

from codedpo.train.methods import Method

_LENGTH = "length"
"""The column by which rows of similar length are put together."""


def trainer_class(method: Method, sft_weight: float) -> Any:
    """The trainer's class for one method.

    Args:
        sft_weight: of RPO's SFT term.
    """
    if method.trainer == "sft":
        return _sft_trainer()
    if method.trainer == "kto":
        return _kto_trainer()
    return _dpo_trainer(sft_weight if method.has_sft_term else None)


class _Recorder:
    """A model that keeps what it returned last."""

    def __init__(self, model: Any):
        self._model = model
        self.output: Any = None

    def __call__(self, **inputs: Any) -> Any:
        self.output = self._model(**inputs)
        return self.output


def _dpo_trainer(sft_weight: float | None) -> Any:
    import torch
    from trl import DPOTrainer

    class Trainer(DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _precompute_ref_logps(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _set_signature_columns_if_needed(self) -> None:
            super()._set_signature_columns_if_needed()
            self._signature_columns = [*self._signature_columns, _LENGTH]

        def _compute_loss(self, model: Any, inputs: Any, return_outputs: Any) -> Any:
            if sft_weight is None:
                return super()._compute_loss(model, inputs, return_outputs)
            recorder = _Recorder(model)
            preference = super()._compute_loss(recorder, inputs, return_outputs)
            sft = self._sft_loss(recorder.output, inputs)
            both: Any = self.accelerator.gather(torch.stack([preference.detach(), sft.detach()]))
            parts = both.reshape(-1, 2).mean(dim=0).tolist()  # over processes
            metrics = self._metrics["train" if model.training else "eval"]
            for name, value in zip(("loss/dpo", "loss/sft"), parts, strict=True):
                metrics[name].append(value)
            return preference + sft_weight * sft

        def _sft_loss(self, output: Any, inputs: Any) -> Any:
            mask = inputs["completion_mask"][:, 1:].chunk(2)[0]  # (pairs, length - 1): of the chosen ones
            log_probs = output.log_probs[:, -mask.shape[1] :].chunk(2)[0]
            return (-(log_probs * mask).sum(dim=1) / mask.sum(dim=1)).mean()

    return Trainer


def _kto_trainer() -> Any:
    from trl import KTOTrainer

    class Trainer(KTOTrainer):
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _precompute_ref_logps(self, dataset: Any, *_: Any) -> Any:
            return dataset

    return Trainer


def _sft_trainer() -> Any:
    from trl import SFTTrainer

    class Trainer(SFTTrainer):
        def _set_signature_columns_if_needed(self) -> None:
            super()._set_signature_columns_if_needed()
            self._signature_columns = [*self._signature_columns, _LENGTH]

    return Trainer
