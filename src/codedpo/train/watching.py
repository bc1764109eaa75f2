# pyright: basic, reportPrivateImportUsage=false
# (torch and transformers are only partly typed)
"""What a trainer reports at each step in; progress, warnings and, where going on is of no use, an end out."""

from __future__ import annotations

import collections
import logging
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codedpo.errors import ModelError
from codedpo.train.checkpoints import last_checkpoint, remove_checkpoint

_LOG = logging.getLogger("codedpo")
_FEW_STEPS, _FEW_ROWS, _WINDOW, _FEW_PAIRS = 5, 32, 10, 10
_REMEDY = "raise train.sft_weight (method rpo) or train.beta, or lower train.learning_rate"

OnStep = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""
OnNote = Callable[[Sequence[str]], None]
"""Called with lines that the user should read now."""


def say_nothing(_: Sequence[str]) -> None:
    """An `OnNote` for whoever does not ask."""


@dataclass
class Warnings:
    """Tells of signs that training goes wrong, each once."""

    on_note: OnNote = say_nothing
    rows: int = _FEW_ROWS
    """Of one step: few rows are all won, or all lost, by chance."""
    told: list[str] = field(default_factory=list[str])
    _rewards: collections.deque[float] = field(default_factory=lambda: collections.deque(maxlen=_WINDOW))
    _accuracies: list[float] = field(default_factory=list[float])
    _has_moved: bool = False
    """Whether a step with a learning rate above 0 is over; before it policy and reference are the same."""
    _has_fallen: bool = False

    def look(self, step: int, logs: Mapping[str, float]) -> None:
        """Look at what one step logged."""
        if "rewards/chosen" in logs:
            self._look_at_chosen(step, logs["rewards/chosen"])
        if "rewards/accuracies" in logs and self._has_moved:
            self._look_at_accuracy(logs["rewards/accuracies"])
        self._has_moved = self._has_moved or logs.get("learning_rate", 0.0) > 0

    def look_at_held_out(self, gains: Sequence[float]) -> None:
        """Look at what training did to held-out programs that were chosen: their gains in log-probability, nats."""
        if self._has_fallen or len(gains) < _FEW_PAIRS:
            return
        mean, spread = statistics.mean(gains), statistics.stdev(gains)
        if mean + 2 * spread / math.sqrt(len(gains)) < 0:
            self._has_fallen = True
            self._tell(
                f"chosen programs of held-out pairs became less likely, by {-mean:.2f} nats on average of {len(gains)}"
                f": {_REMEDY}"
            )

    def _look_at_chosen(self, step: int, reward: float) -> None:
        self._rewards.append(reward)
        if not self._has_fallen and len(self._rewards) == _WINDOW and max(self._rewards) < 0:
            self._has_fallen = True
            self._tell(
                f"the log-probability of chosen programs has been below the reference for {_WINDOW} steps (step {step})"
                f": both programs of a pair become less likely; {_REMEDY}"
            )

    def _look_at_accuracy(self, accuracy: float) -> None:
        self._accuracies.append(accuracy)
        first = max(_FEW_STEPS, -(-_FEW_ROWS // self.rows))
        if len(self._accuracies) == first and len(set(self._accuracies)) == 1 and accuracy in (0.0, 1.0):
            why = {
                1.0: "the pairs are told apart at once: look for something that gives the chosen ones away, such as "
                "their length or form, or lower train.learning_rate",
                0.0: "chosen programs lose against rejected ones: look at the data, chosen and rejected may be swapped",
            }[accuracy]
            self._tell(f"the reward accuracy is {accuracy:.0f} in all of the first {first} steps: {why}")

    def _tell(self, text: str) -> None:
        self.told.append(text)
        self.on_note([f"warning: {text}"])
        _LOG.warning("train: %s", text)


def watch(on_step: OnStep, warnings: Warnings, folder: Path, *, is_first: bool) -> Any:
    """A callback for transformers' trainers.

    It raises ModelError where the loss, the gradient or a trained weight is not a number, before that is saved.

    Args:
        folder: of the checkpoints. The one whose weights led to such a number in one step is removed.
    """
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if is_first:  # what a training that goes on had logged
                for logs in state.log_history:
                    warnings.look(int(logs["step"]), logs)

        def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            if is_first:
                on_step(state.global_step, state.max_steps)
            if control.should_save or state.global_step >= state.max_steps:
                name = _not_finite_weight(model)
                if name:
                    self.stop(f"weight {name} is not finite", state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            for name in ("loss", "grad_norm"):
                value = (logs or {}).get(name, 0.0)
                if not math.isfinite(value):
                    what = {"loss": "loss", "grad_norm": "norm of the gradient"}[name]
                    self.stop(f"{what} is {value}", state.global_step)
            if is_first and logs:
                warnings.look(state.global_step, logs)

        def stop(self, what: str, step: int) -> None:
            if is_first:
                remove_checkpoint(folder, step - 1)
            kept = last_checkpoint(folder)
            raise ModelError(
                f"train: the {what} at step {step}; lower train.learning_rate. "
                + (f"The last good checkpoint is kept: {kept}" if kept else "There is no good checkpoint before it")
            )

    return Watch()


def _not_finite_weight(model: Any) -> str:
    """The name of a trained weight that is not finite; empty where all are."""
    import torch

    trained = ((name, value) for name, value in model.named_parameters() if value.requires_grad)
    return next((name for name, value in trained if not bool(torch.isfinite(value.detach()).all())), "")
