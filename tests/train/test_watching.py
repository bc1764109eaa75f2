"""Signs that a training goes wrong are told once, kept, and end it where going on is of no use."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from jobs import make_job, make_pair, make_settings, run_job
from safetensors.torch import load_file

from codedpo.errors import ModelError
from codedpo.train.checkpoints import last_checkpoint
from codedpo.train.result import read_result
from codedpo.train.trainer import train
from codedpo.train.watching import Warnings
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def told(name: str, values: list[float], rows: int = 8, rates: list[float] | None = None) -> list[str]:
    """The warnings that such a log gives."""
    notes: list[str] = []
    warnings = Warnings(notes.extend, rows)
    for step, (value, rate) in enumerate(zip(values, rates or [1e-5] * len(values), strict=True), start=1):
        warnings.look(step, {name: value, "learning_rate": rate})
    assert notes == [f"warning: {text}" for text in warnings.told]
    return warnings.told


def test_chosen_programs_that_become_less_likely_are_told_of_once() -> None:
    (text,) = told("rewards/chosen", [0.1] + [-0.01 * step for step in range(1, 40)])
    assert "has been below the reference for 10 steps (step 11)" in text
    assert "raise train.sft_weight" in text
    assert not told("rewards/chosen", [-0.1] * 9 + [0.1] + [-0.1] * 9)  # never ten in a row


@pytest.mark.parametrize(
    ("gains", "is_told"),
    [
        ([-1.0, -3.0] * 10, True),
        ([-1.0, 1.1] * 10, False),
        ([-2.0] * 9, False),
        ([-2.0] * 10, True),
        ([1.0] * 20, False),
    ],
)
def test_held_out_programs_that_become_less_likely_are_told_of(gains: list[float], is_told: bool) -> None:
    warnings = Warnings()
    warnings.look_at_held_out(gains)
    warnings.look_at_held_out(gains)
    assert len(warnings.told) == is_told
    if is_told:
        assert f"by 2.00 nats on average of {len(gains)}: raise train.sft_weight" in warnings.told[0]


@pytest.mark.parametrize(("accuracy", "reason"), [(1.0, "told apart at once"), (0.0, "may be swapped")])
def test_a_reward_accuracy_that_never_varies_is_told_of(accuracy: float, reason: str) -> None:
    # At step 1 policy and reference are the same, so nothing is preferred yet, whatever is logged.
    (text,) = told("rewards/accuracies", [0.0] + [accuracy] * 20)
    assert f"is {accuracy:.0f} in all of the first 5 steps" in text
    assert reason in text
    assert not told("rewards/accuracies", [0.0, accuracy, accuracy, 0.5, *[accuracy] * 20])


def test_steps_before_the_learning_rate_has_risen_do_not_count() -> None:
    # The first step of a warm-up has the rate 0: at the second one policy and reference are still the same.
    assert told("rewards/accuracies", [0.0, 0.0] + [1.0] * 5, rates=[0.0] + [1e-5] * 6)


def test_one_row_a_step_needs_more_steps_to_tell() -> None:
    assert not told("rewards/accuracies", [0.0] + [1.0] * 31, rows=1)
    assert told("rewards/accuracies", [0.0] + [1.0] * 32, rows=1)


def test_warnings_of_a_real_training_are_told_as_they_arise_and_kept(tiny: Path, tmp_path: Path) -> None:
    pairs = [make_pair(n, f"y = {n}", f"z = {n}") for n in range(4)]
    settings = make_settings(
        method="dpo", batch_size=8, device_batch_size=4, steps=10, learning_rate=3e-3, save_steps=7
    )
    notes: list[str] = []
    job = make_job(settings, tiny, pairs, tmp_path / "out")

    def stop(step: int, _: int) -> None:
        if step == 8:
            raise ModelError("stopped")

    with pytest.raises(ModelError, match="stopped"):
        train(job, on_step=stop, on_note=notes.extend)
    assert any("the reward accuracy is 1" in line for line in notes)
    result = run_job(job)  # goes on from step 7
    assert any("the reward accuracy is 1" in text for text in result.warnings)
    assert len(set(result.warnings)) == len(result.warnings)
    kept = read_result(tmp_path / "out")
    assert kept is not None
    assert kept.warnings == result.warnings


def test_a_training_that_explodes_keeps_the_last_good_checkpoint_and_goes_on_from_it(
    tiny: Path, tmp_path: Path
) -> None:
    # Linear warm-up over 4 of 8 steps: the rate of step 1 is 0, of step 2 a quarter of 1e20, which ends all sense.
    settings = make_settings(steps=8, learning_rate=1e20, warmup_ratio=0.5, save_steps=1)
    job = make_job(settings, tiny, [make_pair(n) for n in range(4)], tmp_path / "out")
    done: list[int] = []
    for _ in range(2):
        with pytest.raises(ModelError, match=r"train: the .* at step \d+; lower train\.learning_rate") as error:
            train(job, on_step=lambda step, _: done.append(step))
        kept = last_checkpoint(tmp_path / "out" / "0-rpo")
        assert kept is not None
        assert f"The last good checkpoint is kept: {kept}" in str(error.value)
        assert kept.name == "checkpoint-1"
        weights = load_file(kept / "model.safetensors")
        assert all(bool(torch.isfinite(value).all()) for value in weights.values())
        assert max(float(value.abs().max()) for value in weights.values()) < 10
    assert done[0] == 1
    assert done[len(done) // 2 + 1] == 2  # the second start begins behind the checkpoint
    assert not math.isnan(sum(done))
