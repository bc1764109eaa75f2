"""Training on a real, tiny model: losses against numbers worked out by hand, nothing lost silently."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jobs import make_job, make_pair, make_settings, run_job

from codedpo.config import make_config
from codedpo.errors import ModelError
from codedpo.job import run
from codedpo.llms.loading import load_tokenizer, load_weights
from codedpo.models import locate
from codedpo.train.data import ChatTokenizer, prepare
from codedpo.train.scoring import PairScore, margin_gain, preference_accuracy, reward_accuracy, score_pairs
from conftest import run_settings
from kill_driver import __file__ as DRIVER
from loopback import LoopbackLLM
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def chat(tiny: Path) -> ChatTokenizer:
    model = locate(str(tiny), tiny)
    return ChatTokenizer.of(load_tokenizer(model), load_weights(model))


def test_the_first_loss_is_what_the_formula_gives(tiny: Path, chat: ChatTokenizer, tmp_path: Path) -> None:
    # Before the first step policy = reference, so the DPO part is -log sigmoid(0) = log 2; the SFT part is the mean
    # negative log-probability of the chosen tokens, weighted 0.5.
    settings = make_settings(sft_weight=0.5, epochs=2)
    tokenised = prepare([make_pair(1)], chat, max_length=1024, held_out=frozenset()).train
    (score,) = score_pairs(load_weights(locate(str(tiny), tmp_path)), tokenised)
    result = run_job(make_job(settings, tiny, [make_pair(1)], tmp_path / "out"))
    sft = -score.chosen / score.chosen_tokens
    first, second = [entry for entry in result.curves if "loss" in entry]
    assert first["loss/dpo"] == pytest.approx(math.log(2), abs=1e-5)
    assert first["loss/sft"] == pytest.approx(sft, rel=1e-4)
    assert first["loss"] == pytest.approx(math.log(2) + 0.5 * sft, rel=1e-4)
    assert second["loss"] < first["loss"]
    assert second["loss"] == pytest.approx(second["loss/dpo"] + 0.5 * second["loss/sft"], rel=1e-5)
    assert second["loss/dpo"] == pytest.approx(-math.log(1 / (1 + math.exp(-second["rewards/margins"]))), rel=1e-5)
    assert result.weight_change > 0


def test_an_answer_ends_with_the_token_that_ends_the_turn(chat: ChatTokenizer) -> None:
    (row,) = prepare([make_pair(1)], chat, max_length=1024, held_out=frozenset()).train
    assert chat.tokenizer.decode(row.chosen) == make_pair(1).chosen[0]["content"] + "<end>"
    assert chat.tokenizer.decode(row.prompt).endswith("<start>assistant\n")


def test_a_template_that_ends_no_turn_is_refused(tiny: Path, chat: ChatTokenizer) -> None:
    endless = load_tokenizer(locate(str(tiny), tiny))
    endless.chat_template = endless.chat_template.replace("<end>", "")
    with pytest.raises(ModelError, match=r"ends an answer with none of the model's end tokens \(\['<end>'\]\)"):
        prepare([make_pair(1)], replace(chat, tokenizer=endless), max_length=1024, held_out=frozenset())


def test_a_template_that_renders_a_prompt_otherwise_with_an_answer_is_refused(tiny: Path, chat: ChatTokenizer) -> None:
    other = load_tokenizer(locate(str(tiny), tiny))
    other.chat_template = "{{ messages | length }}" + other.chat_template
    with pytest.raises(ModelError, match="another text than it is asked with"):
        prepare([make_pair(1)], replace(chat, tokenizer=other), max_length=1024, held_out=frozenset())


def test_pairs_that_cannot_be_trained_on_are_left_out_and_counted(chat: ChatTokenizer) -> None:
    short = prepare([make_pair(1)], chat, max_length=2000, held_out=frozenset()).train[0].length
    same = make_pair(3, chosen="x = 1", rejected="x = 1")
    pairs = [make_pair(1), make_pair(2, chosen="x = 1\n" * 50), same, make_pair(1), make_pair(4)]
    data = prepare(pairs, chat, max_length=short, held_out=frozenset({"4"}))
    assert [row.pair.task_id for row in data.train] == ["1"]
    assert [row.pair.task_id for row in data.held_out] == ["4"]
    found = data.check
    assert (found.pairs, found.trained_on, found.held_out) == (5, 1, 1)
    assert (found.overlong, found.identical, found.duplicate) == (1, 1, 1)
    assert sum(bar.pairs for bar in found.lengths) == 5
    assert "left out: 1 too long, 1 identical, 1 duplicates" in list(found.lines())


def test_accuracies_of_scores() -> None:
    before = [PairScore(-10, -12, 5, 4), PairScore(-10, -5, 5, 5)]  # per token -2 > -3, and -2 < -1
    after = [PairScore(-9, -12, 5, 4), PairScore(-9, -3, 5, 5)]  # the second one's rejected gained more
    assert preference_accuracy(before) == 0.5
    assert reward_accuracy(before, after) == 0.5
    assert margin_gain(before, after) == 0.0  # (1 - 0) and (1 - 2)
    assert math.isnan(preference_accuracy([]))


def test_scores_do_not_depend_on_what_shares_a_forward_pass(tiny: Path, chat: ChatTokenizer) -> None:
    weights = load_weights(locate(str(tiny), tiny))
    pairs = [make_pair(n, chosen="x = 1\n" * n) for n in range(1, 8)]
    rows = prepare(pairs, chat, max_length=2000, held_out=frozenset()).train
    together = score_pairs(weights, rows)
    alone = [score_pairs(weights, [row])[0] for row in rows]
    assert np.allclose([s.chosen for s in together], [s.chosen for s in alone], rtol=1e-5)
    assert np.allclose([s.rejected for s in together], [s.rejected for s in alone], rtol=1e-5)


def test_a_loss_that_is_not_finite_stops_training(tiny: Path, tmp_path: Path) -> None:
    settings = make_settings(learning_rate=1e30, epochs=4)
    with pytest.raises(ModelError, match=r"train: the .* is (nan|inf) at step \d+; lower train\.learning_rate"):
        run_job(make_job(settings, tiny, [make_pair(1), make_pair(2)], tmp_path / "out"))


def test_no_pair_to_train_on_is_an_error(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no pair is left to train on \(1 pairs, 1 longer than train\.max_length 10"):
        run_job(make_job(make_settings(max_length=10), tiny, [make_pair(1)], tmp_path / "out"))


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
        checkpoints = list((tmp_path / "run" / "training").glob("*/*/checkpoint-*"))
        assert checkpoints
        resumed = run(make_config(settings))
    assert resumed.improvement is not None
    assert whole.improvement is not None
    killed_result, whole_result = (r.improvement.best.trained.result for r in (resumed, whole))
    assert killed_result.steps == whole_result.steps > 3
    assert killed_result.final_loss == pytest.approx(whole_result.final_loss, rel=1e-4)
    assert killed_result.held_out_pairs > 0
    assert resumed.improvement.before is not None
    after = resumed.improvement.best.rate
    assert after is not None
    assert len(after.verdicts) == 3
    assert "pass@1 before and after" in resumed.report.read_text()
