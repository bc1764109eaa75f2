"""What a training came to, made by hand."""

from __future__ import annotations

from typing import Any

from codedpo.train.check import check
from codedpo.train.likelihood import Likelihood, Score
from codedpo.train.result import TrainResult

CLASSES = ("correct", "incorrect", "fast", "slow")


def follow(*rows: tuple[float, ...], every: int = 5) -> tuple[Likelihood, ...]:
    """A row of values at each moment, class by class: those of three solutions of three tasks."""
    return tuple(
        Likelihood(
            every * place,
            tuple(Score(task, kind, value) for kind, value in zip(CLASSES, row) for task in ("a", "b", "c")),
        )
        for place, row in enumerate(rows)
    )


def make_result(**changes: Any) -> TrainResult:
    """Two steps on two pairs, one held out, one too long."""
    values: dict[str, Any] = {
        "steps": 2, "trained_pairs": 2, "trained_rows": 2, "held_out_pairs": 1, "overlong_pairs": 1,
        "final_loss": 0.5, "weight_change": 1e-3, "held_out_accuracy_before": 0.0, "held_out_accuracy_after": 1.0,
        "held_out_reward_accuracy": 1.0, "held_out_margin_gain": 0.5, "held_out_chosen_gain": 0.25,
        "curves": ({"step": 1.0, "loss": 0.7, "rewards/chosen": 0.0}, {"step": 2.0, "loss": 0.5, "rewards/chosen": 0.1}),
        "likelihoods": follow((-0.5, -0.9), (-0.4, -1.2)),
        "check": check([120, 130, 90, 2000], ["trained on", "trained on", "held out", "overlong"],
                       ["correctness", "efficiency", "correctness", "correctness"]),
        "warnings": (),
    }  # fmt: skip
    return TrainResult(**{**values, **changes})
