"""What a training came to, as a record and as `result.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from codedpo.store import write_text
from codedpo.train.check import DataCheck
from codedpo.train.likelihood import Likelihood

_FILE = "result.json"


@dataclass(frozen=True)
class TrainResult:
    """What training did; kept as `result.json` beside the weights."""

    steps: int
    trained_pairs: int
    trained_rows: int
    """What an epoch has: pairs, for KTO single programs, for SFT one solution of each task."""
    held_out_pairs: int
    overlong_pairs: int
    final_loss: float
    weight_change: float
    """Largest absolute change found among the first numbers of each trained weight."""
    held_out_accuracy_before: float
    """Share of held-out pairs whose chosen program has the higher mean log-probability per token."""
    held_out_accuracy_after: float
    held_out_reward_accuracy: float
    """Share of held-out pairs whose chosen program gained more log-probability than the rejected one."""
    held_out_margin_gain: float
    """Mean over held-out pairs of (gain of chosen - gain of rejected) in log-probability, nats."""
    held_out_chosen_gain: float
    """Mean gain of the chosen programs alone, nats."""
    curves: tuple[dict[str, float], ...]
    """One entry per logged step, as TRL names them; `loss/dpo` and `loss/sft` are the two parts."""
    likelihoods: tuple[Likelihood, ...]
    """How likely the model found solutions of held-out tasks, by class, as training went on."""
    check: DataCheck
    warnings: tuple[str, ...]
    chosen_gains: tuple[float, ...] = ()
    """Of each held-out pair, in their order: gain of the chosen program in log-probability, nats."""
    rejected_gains: tuple[float, ...] = ()


def joined(results: Sequence[TrainResult]) -> TrainResult:
    """The result of a chain: curves end to end, before from the first method, all else from the last one.

    What held-out programs gained is the last method's own doing: each method starts from what the one before it left.
    """
    curves: list[dict[str, float]] = []
    likelihoods: list[Likelihood] = []
    steps = 0
    for result in results:
        curves += [{**entry, "step": entry["step"] + steps} if "step" in entry else entry for entry in result.curves]
        known = {entry.step for entry in likelihoods}
        moved = (replace(entry, step=entry.step + steps) for entry in result.likelihoods)
        likelihoods += [entry for entry in moved if entry.step not in known]
        steps += result.steps
    return replace(
        results[-1],
        steps=steps,
        curves=tuple(curves),
        likelihoods=tuple(likelihoods),
        held_out_accuracy_before=results[0].held_out_accuracy_before,
        warnings=tuple(dict.fromkeys(text for result in results for text in result.warnings)),
    )


def read_result(folder: Path) -> TrainResult | None:
    """The result of a finished training, or None."""
    path = folder / _FILE
    return TypeAdapter(TrainResult).validate_json(path.read_text()) if path.exists() else None


def write_result(result: TrainResult, folder: Path) -> None:
    """Write the result; that it exists says that the training is done."""
    write_text(folder / _FILE, json.dumps(asdict(result), indent=1))
