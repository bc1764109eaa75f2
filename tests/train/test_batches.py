"""How a batch is cut into forward passes, and the order of its rows, changes nothing but rounding."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare import largest_difference, various_pairs, weights_in
from jobs import make_job, make_pair, make_settings, run_job

from codedpo.llms.loading import load_tokenizer, load_weights
from codedpo.models import default_cache, locate
from codedpo.records import Pair
from codedpo.train.order import epoch_order
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")

SAME = 2e-6
"""Of weights whose first step moves them by 1e-3: what float32 rounds."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def trained(tiny: Path, folder: Path, rows: int, **changes: Any) -> Path:
    """The model after two epochs of batches of 8 and 3 pairs, `rows` in a forward pass; SGD shows every scaling."""
    values: dict[str, Any] = {"batch_size": 8, "epochs": 2, "learning_rate": 0.1, "args": {"optim": "sgd"}, **changes}
    result = run_job(make_job(make_settings(device_batch_size=rows, **values), tiny, various_pairs(11), folder))
    assert result.steps == 4
    return folder / "final"


@pytest.mark.parametrize("method", ["rpo", "dpo", "sft"])
def test_one_row_a_pass_trains_as_eight_do(method: str, tiny: Path, tmp_path: Path) -> None:
    alone, together, uneven = (trained(tiny, tmp_path / str(rows), rows, method=method) for rows in (1, 8, 2))
    assert largest_difference(alone, together) < SAME
    assert largest_difference(alone, uneven) < SAME  # the last batch of an epoch is 2 + 1 rows
    assert largest_difference(alone, tiny) > 100 * SAME


def test_a_mean_over_the_tokens_of_a_pass_would_be_seen(tiny: Path, tmp_path: Path) -> None:
    # TRL's own RPO: DPO + SFT as a mean over all chosen tokens of a pass.
    weights = [trl_rpo(tiny, tmp_path / str(rows), rows) for rows in (1, 8)]
    difference = max(float((weights[0][name] - weights[1][name]).abs().max()) for name in weights[0])
    assert difference > 20 * SAME


def trl_rpo(tiny: Path, folder: Path, rows: int) -> dict[str, Any]:
    import torch
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    torch.manual_seed(0)
    model = locate(str(tiny), tiny)
    config = DPOConfig(
        str(folder), loss_type=["sigmoid", "sft"], loss_weights=[1.0, 1.0], per_device_train_batch_size=rows, seed=0,
        gradient_accumulation_steps=8 // rows, max_steps=1, learning_rate=0.1, optim="sgd", use_cpu=True, bf16=False,
        report_to="none", disable_tqdm=True, save_strategy="no", gradient_checkpointing=False,
    )  # fmt: skip
    rows_of = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in various_pairs(8)]
    trainer = DPOTrainer(
        load_weights(model),
        args=config,
        train_dataset=Dataset.from_list(rows_of),
        processing_class=load_tokenizer(model),
    )
    trainer.train()
    return dict(trainer.model.state_dict())


def test_an_epoch_takes_each_row_once_and_similar_lengths_together() -> None:
    lengths = list(np.random.default_rng(0).integers(1, 1000, size=203))
    order = epoch_order(lengths, batch=8, seed=0, epoch=0)
    assert sorted(order) == list(range(203))
    assert lengths[order[0]] == max(lengths[row] for row in order[:200])
    spread = np.mean([np.ptp([lengths[row] for row in order[start : start + 8]]) for start in range(0, 200, 8)])
    assert spread < 300  # of 8 rows taken by chance it would be about 780
    assert order != epoch_order(lengths, batch=8, seed=0, epoch=1)
    assert order == epoch_order(lengths, batch=8, seed=0, epoch=0)


def real_pairs(count: int) -> list[Pair]:
    """Programs of Qwen2.5-Coder-0.5B for MBPP+ tasks, a correct one against a wrong one."""
    found: list[Pair] = []
    path = Path(__file__).parents[2] / "perf" / "data" / "qwen05b_mbppplus.jsonl.gz"
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        task = json.loads(line)
        passed = task["correct"]
        if len(found) < count and 0 < sum(passed) < len(passed):
            chosen, rejected = (task["solutions"][passed.index(value)] for value in (True, False))
            found.append(make_pair(len(found), chosen=chosen, rejected=rejected))
    return found


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(900)
@pytest.mark.parametrize("method", ["rpo", "dpo", "sft"])
def test_real_pairs_train_a_real_model_alike_by_one_and_by_four_a_pass(method: str, tmp_path: Path) -> None:
    model, pairs = locate("smollm2-135m", default_cache()), real_pairs(4)
    assert len({pair.chosen_program for pair in pairs}) == 4
    settings: dict[str, Any] = {"method": method, "batch_size": 4, "steps": 1, "args": {"optim": "sgd"}}
    settings |= {"learning_rate": 0.1, "lora_rank": 4}
    for rows in (1, 4):
        job = make_job(make_settings(device_batch_size=rows, **settings), model.path, pairs, tmp_path / str(rows))
        run_job(job)
    one, four = (tmp_path / str(rows) / "final" for rows in (1, 4))
    weights = weights_in(one)
    moved = max(float(np.abs(value).max()) for name, value in weights.items() if "lora_B" in name)  # they start at 0
    assert largest_difference(one, four) < moved / 1000
