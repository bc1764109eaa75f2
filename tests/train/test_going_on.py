"""A training that was killed and gone on with, and one that starts from another, end as they should."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from compare import largest_difference, various_pairs, weights_in
from jobs import make_job, make_settings, run_job, run_killed

from codedpo.errors import ModelError
from codedpo.llms.loading import load_tokenizer, load_trained
from codedpo.models import locate
from codedpo.train.job import TrainJob
from codedpo.train.result import TrainResult
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def job_of(tiny: Path, folder: Path, **changes: Any) -> TrainJob:
    """Two epochs of three steps for each method, a checkpoint after each, held-out pairs beside."""
    values = {"batch_size": 2, "device_batch_size": 2, "epochs": 2, "save_steps": 1, "lora_rank": 4, **changes}
    start = values.pop("start", None)
    held_out = frozenset({"6", "7"})
    return make_job(make_settings(**values), tiny, various_pairs(8), folder, held_out=held_out, start=start)


def losses(result: TrainResult) -> list[float]:
    return [entry["loss"] for entry in result.curves if "loss" in entry]


def first(result: TrainResult, name: str) -> float:
    return next(entry[name] for entry in result.curves if name in entry)


@pytest.mark.parametrize(
    ("method", "rank", "killed_in_part"),
    [("rpo", 0, 0), ("kto", 4, 0), ("sft", 4, 0), (("sft", "rpo"), 4, 0), (("sft", "rpo"), 4, 1)],
)
def test_a_killed_training_ends_as_one_that_was_not(
    method: Any, rank: int, killed_in_part: int, tiny: Path, tmp_path: Path
) -> None:
    whole = run_job(job_of(tiny, tmp_path / "whole", method=method, lora_rank=rank))
    killed = job_of(tiny, tmp_path / "killed", method=method, lora_rank=rank)
    run_killed(killed, at=5, part=killed_in_part)
    last = sorted(path.name for path in (killed.folder).glob("*/checkpoint-*"))
    assert last == ["checkpoint-3", "checkpoint-4"], "step 5 must not have been kept"
    resumed = run_job(killed)
    assert resumed.steps == whole.steps
    assert losses(resumed) == pytest.approx(losses(whole), rel=1e-5)
    assert resumed.held_out_margin_gain == pytest.approx(whole.held_out_margin_gain, rel=1e-3, abs=1e-6)
    assert largest_difference(tmp_path / "whole" / "final", killed.folder / "final") < 1e-6
    assert not list(killed.folder.glob("*/checkpoint-*"))


@pytest.mark.parametrize("rank", [0, 4])
def test_a_chain_goes_on_with_what_the_method_before_it_left(rank: int, tiny: Path, tmp_path: Path) -> None:
    result = run_job(job_of(tiny, tmp_path / "out", method=("sft", "rpo"), lora_rank=rank))
    # The reference of the second method is the model that the first one left, so its DPO part begins at log 2.
    assert first(result, "loss/dpo") == pytest.approx(math.log(2), abs=1e-4)
    before, after = tmp_path / "out" / "0-sft" / "final", tmp_path / "out" / "final"
    assert largest_difference(before, after) > 1e-5
    assert not (after / "ref").exists()
    assert not any("ref" in name.split(".") for name in weights_in(after))
    assert weights_in(before).keys() == weights_in(after).keys()
    load_trained(locate(str(tiny), tiny), after)


@pytest.mark.parametrize("precompute", [True, False])
@pytest.mark.parametrize("rank", [0, 4])
def test_a_second_round_starts_from_the_first(precompute: bool, rank: int, tiny: Path, tmp_path: Path) -> None:
    run_job(job_of(tiny, tmp_path / "one", method="sft", lora_rank=rank, learning_rate=1e-2))
    again = {"lora_rank": rank, "start": tmp_path / "one" / "final", "precompute_reference": precompute}
    result = run_job(job_of(tiny, tmp_path / "two", learning_rate=1e-6, steps=1, **again))
    alone = run_job(job_of(tiny, tmp_path / "alone", learning_rate=1e-6, steps=1, lora_rank=rank))
    assert first(result, "loss/dpo") == pytest.approx(math.log(2), abs=1e-4)
    assert first(result, "loss/sft") < first(alone, "loss/sft") - 0.1  # what the first round had learnt
    assert largest_difference(tmp_path / "one" / "final", tmp_path / "two" / "final") < 1e-5
    assert not (tmp_path / "two" / "final" / "ref").exists()


def test_going_on_in_another_way_is_refused(tiny: Path, tmp_path: Path) -> None:
    run_job(job_of(tiny, tmp_path / "one", method="sft", steps=1))
    with pytest.raises(ModelError, match=r"train\.lora_rank: .*final holds a LoRA adapter, but 0 \(0 trains all"):
        run_job(job_of(tiny, tmp_path / "two", lora_rank=0, start=tmp_path / "one" / "final"))
    with pytest.raises(ModelError, match=r"train\.lora_rank: .*tiny\d+ holds all weights, but 4 \(above 0 is LoRA"):
        run_job(job_of(tiny, tmp_path / "three", start=tiny))


def test_a_merged_adapter_is_the_applied_one_and_needs_transformers_alone(tiny: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run_job(job_of(tiny, tmp_path / "out", merge=True, learning_rate=1e-2))
    model = locate(str(tiny), tiny)
    applied = load_trained(model, tmp_path / "out" / "final")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "merged")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out" / "merged")
    messages = [{"role": "user", "content": "Add 1."}]
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    assert tokenizer.chat_template == load_tokenizer(model).chat_template
    with torch.no_grad():
        logits = [weights(**ids).logits for weights in (applied, merged, load_trained(model, None))]
    assert torch.allclose(logits[0], logits[1], atol=1e-5)
    assert not torch.allclose(logits[0], logits[2], atol=1e-2)
