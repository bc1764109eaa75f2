"""Training on a real, tiny model: losses against numbers worked out by hand, nothing lost silently."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from codedpo.config import make_config
from codedpo.errors import ModelError
from codedpo.job import run
from codedpo.models import locate
from codedpo.prompting import completion, solution_prompt
from codedpo.records import Pair
from codedpo.train.data import prepare
from codedpo.train.loading import load_tokenizer, load_weights
from codedpo.train.scoring import margin_gain, preference_accuracy, reward_accuracy, score_pairs
from codedpo.train.settings import Train
from codedpo.train.trainer import train
from conftest import run_settings
from kill_driver import __file__ as DRIVER
from loopback import LoopbackLLM
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend


def pair(number: int, chosen: str = "", rejected: str = "") -> Pair:
    good = chosen or f"def add(a):\n    return a + {number}"
    bad = rejected or f"def add(a):\n    return a - {number}"
    prompt = list(solution_prompt(f"Add {number}.", "def add(a: int) -> int:"))
    return Pair(
        prompt, [completion(good)], [completion(bad)], "correctness", str(number), 0, 1, good, bad, 2.0, 1.0, 0.5,
        math.nan, math.nan, "codedpo", None, None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def test_the_first_loss_is_what_the_formula_gives(tiny: Path, tmp_path: Path) -> None:
    # Before the first step policy = reference, so the DPO part is -log sigmoid(0) = log 2; the SFT part is the mean
    # negative log-probability of the chosen tokens, weighted 0.5.
    settings = Train(
        batch_size=1, sft_weight=0.5, held_out=0, lora_rank=0, warmup_ratio=0, learning_rate=1e-3, epochs=2
    )
    model = locate(str(tiny), tmp_path)
    tokenised = prepare([pair(1)], load_tokenizer(model), max_length=1024, held_out=0).train
    (score,) = score_pairs(load_weights(model), tokenised)
    result = train(settings, model, [pair(1)], tmp_path / "out", seed=0, on_step=lambda *_: None)
    sft = -score.chosen / score.chosen_tokens
    first, second = [entry for entry in result.curves if "loss" in entry]
    assert first["loss/dpo"] == pytest.approx(math.log(2), abs=1e-5)
    assert first["loss/sft"] == pytest.approx(sft, rel=1e-4)
    assert first["loss"] == pytest.approx(math.log(2) + 0.5 * sft, rel=1e-4)
    assert second["loss"] < first["loss"]
    assert second["loss"] == pytest.approx(second["loss/dpo"] + 0.5 * second["loss/sft"], rel=1e-5)
    assert second["loss/dpo"] == pytest.approx(-math.log(1 / (1 + math.exp(-second["rewards/margins"]))), rel=1e-5)
    assert result.weight_change > 0


def test_every_completion_ends_its_turn(tiny: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(locate(str(tiny), tmp_path))
    (row,) = prepare([pair(1)], tokenizer, max_length=1024, held_out=0).train
    assert tokenizer.decode(row.chosen) == pair(1).chosen[0]["content"] + "<end>\n"
    assert tokenizer.decode(row.prompt).endswith("<start>assistant\n")


def test_overlong_pairs_are_dropped_whole_and_counted(tiny: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(locate(str(tiny), tmp_path))
    short = prepare([pair(1)], tokenizer, max_length=2000, held_out=0).train[0].length
    data = prepare([pair(1), pair(2, chosen="x = 1\n" * 50)], tokenizer, max_length=short, held_out=0)
    assert ([row.pair.task_id for row in data.train], data.overlong) == (["1"], 1)


def test_tasks_are_held_out_whole_and_the_same_ones_each_time(tiny: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(locate(str(tiny), tmp_path))
    pairs = [pair(n) for n in range(10)] + [replace(pair(n), kind="efficiency") for n in range(10)]
    data = prepare(pairs, tokenizer, max_length=2000, held_out=0.3)
    aside = {row.pair.task_id for row in data.held_out}
    assert len(aside) == 3
    assert len(data.held_out) == 6
    assert not aside & {row.pair.task_id for row in data.train}
    assert aside == {
        row.pair.task_id for row in prepare(pairs[::-1], tokenizer, max_length=2000, held_out=0.3).held_out
    }


def test_accuracies_of_scores() -> None:
    from codedpo.train.scoring import PairScore

    before = [PairScore(-10, -12, 5, 4), PairScore(-10, -5, 5, 5)]  # per token -2 > -3, and -2 < -1
    after = [PairScore(-9, -12, 5, 4), PairScore(-9, -3, 5, 5)]  # the second one's rejected gained more
    assert preference_accuracy(before) == 0.5
    assert reward_accuracy(before, after) == 0.5
    assert margin_gain(before, after) == 0.0  # (1 - 0) and (1 - 2)
    assert math.isnan(preference_accuracy([]))


def test_a_loss_that_is_not_finite_stops_training(tiny: Path, tmp_path: Path) -> None:
    settings = Train(batch_size=1, held_out=0, lora_rank=0, warmup_ratio=0, learning_rate=1e30, epochs=4)
    with pytest.raises(ModelError, match=r"train: the loss is (nan|inf) at step \d+; lower train\.learning_rate"):
        train(
            settings, locate(str(tiny), tmp_path), [pair(1), pair(2)], tmp_path / "out", seed=0, on_step=lambda *_: None
        )


def test_no_pair_to_train_on_is_an_error(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no pair is left to train on \(1 pairs, 1 longer than train\.max_length 10"):
        train(
            Train(max_length=10),
            locate(str(tiny), tmp_path),
            [pair(1)],
            tmp_path / "out",
            seed=0,
            on_step=lambda *_: None,
        )


def test_a_run_killed_in_training_ends_as_one_that_was_not(tiny: Path, tmp_path: Path, source_folder: Path) -> None:
    with LoopbackLLM() as server:
        settings = {
            **run_settings(tmp_path / "run", source_folder, server.base_url),
            "timings": {"min_credible_tests": 99},  # nothing is timed
            "pairs": {"efficiency": False},
            "train": {
                "model": str(tiny),
                "batch_size": 2,
                "learning_rate": 1e-3,
                "save_steps": 1,
                "epochs": 2,
                "lora_rank": 4,
            },
            "evaluate": {"every": 80, "max_tokens": 4},
        }
        (tmp_path / "settings.json").write_text(json.dumps(settings))
        (tmp_path / "scratch").mkdir()
        driver = [sys.executable, DRIVER, str(tmp_path / "settings.json"), "train", "3"]
        with subprocess.Popen(driver, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            whole = run(make_config({**settings, "run_folder": str(tmp_path / "whole")}))  # meanwhile
            killed, errors = process.communicate()
        assert killed == json.dumps([-signal.SIGKILL]), errors
        checkpoints = list((tmp_path / "run" / "training").glob("*/checkpoint-*"))
        assert checkpoints
        resumed = run(make_config(settings))
    assert resumed.training is not None
    assert whole.training is not None
    assert resumed.training.steps == whole.training.steps > 3
    assert resumed.training.final_loss == pytest.approx(whole.training.final_loss, rel=1e-4)
    assert resumed.training.held_out_pairs > 0
    assert resumed.before is not None
    assert resumed.after is not None
    assert len(resumed.after.verdicts) == 3
    assert "pass@1 before and after" in resumed.report.read_text()
