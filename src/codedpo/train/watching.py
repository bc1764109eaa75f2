# pyright: basic, reportPrivateImportUsage=false
# (torch and transformers are only partly typed)
"""What a trainer reports at each step in; progress, warnings and, where going on is of no use, an end out."""

from __future__ import annotations

import collections
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from codedpo.errors import ModelError

_LOG = logging.getLogger("codedpo")
_FEW_STEPS, _WINDOW = 5, 10

OnStep = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""


@dataclass
class Warnings:
    """Tells of signs that training goes wrong, each once."""

    told: list[str] = field(default_factory=list[str])
    _rewards: collections.deque[float] = field(default_factory=lambda: collections.deque(maxlen=_WINDOW))
    _accuracies: list[float] = field(default_factory=list[float])

    def look(self, step: int, logs: Mapping[str, float]) -> None:
        """Look at what one step logged."""
        if "rewards/chosen" in logs:
            self._rewards.append(logs["rewards/chosen"])
            if len(self._rewards) == _WINDOW and sum(self._rewards) < 0 and max(self._rewards) < 0:
                self._tell(
                    f"the log-probability of chosen programs has fallen below the reference for {_WINDOW} steps (step "
                    f"{step}): both programs of a pair become less likely; raise train.sft_weight (method rpo) or "
                    "train.beta, or lower train.learning_rate"
                )
        if "rewards/accuracies" in logs:
            self._look_at_accuracy(step, logs["rewards/accuracies"])

    def _look_at_accuracy(self, step: int, accuracy: float) -> None:
        if step == 1:
            return  # policy and reference are the same: nothing is preferred yet
        self._accuracies.append(accuracy)
        if len(self._accuracies) == _FEW_STEPS and len(set(self._accuracies)) == 1 and accuracy in (0.0, 1.0):
            why = {
                1.0: "the pairs are told apart at once: look for something that gives the chosen ones away, such as "
                "their length or form, or lower train.learning_rate",
                0.0: "chosen programs lose against rejected ones: look at the data, chosen and rejected may be swapped",
            }[accuracy]
            self._tell(f"the reward accuracy is {accuracy:.0f} from the first step on: {why}")

    def _tell(self, text: str) -> None:
        if not any(text[:40] == other[:40] for other in self.told):
            self.told.append(text)
            _LOG.warning("train: %s", text)


def watch(on_step: OnStep, warnings: Warnings, is_first: bool) -> Any:
    """A callback for transformers' trainers.

    It raises ModelError where the loss, the gradient or a trained weight is not a number, before that is saved.
    """
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            if is_first:
                on_step(state.global_step, state.max_steps)
            if control.should_save or state.global_step >= state.max_steps:
                _require_finite_weights(model, state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            for name in ("loss", "grad_norm"):
                value = (logs or {}).get(name, 0.0)
                if not math.isfinite(value):
                    what = {"loss": "loss", "grad_norm": "norm of the gradient"}[name]
                    raise ModelError(_not_finite(what, value, state.global_step))
            if is_first and logs:
                warnings.look(state.global_step, logs)

    return Watch()


def _require_finite_weights(model: Any, step: int) -> None:
    import torch

    for name, value in model.named_parameters():
        if value.requires_grad and not bool(torch.isfinite(value.detach()).all()):
            raise ModelError(_not_finite(f"weight {name}", math.nan, step))


def _not_finite(what: str, value: float, step: int) -> str:
    return (
        f"train: the {what} is {value} at step {step}; lower train.learning_rate. The last checkpoint before it is kept"
    )
