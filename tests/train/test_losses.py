"""Losses of every kind of trainer against numbers worked out from log-probabilities of the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from compare import various_pairs
from jobs import make_job, make_settings, run_job

from codedpo.llms.loading import load_tokenizer, load_trained, load_weights
from codedpo.models import locate
from codedpo.train.data import ChatTokenizer, PromptCompletion, TokenisedPair, prepare
from codedpo.train.methods import METHODS
from codedpo.train.rows import Labelled, best_of_each_task, label
from codedpo.train.scoring import PairScore, log_probabilities, score_pairs
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend

BETA, WEIGHT, STEPS = 0.3, 0.7, 2
"""One step moves the policy away from the reference, so that the second one's loss shows both."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def pairs(tiny: Path) -> tuple[TokenisedPair, ...]:
    model = locate(str(tiny), tiny)
    chat = ChatTokenizer.of(load_tokenizer(model), load_weights(model))
    return prepare(various_pairs(4), chat, max_length=1024, held_out=frozenset()).train


def losses(tiny: Path, folder: Path, **changes: object) -> list[dict[str, float]]:
    """What the first and the second step log, four pairs in each."""
    settings = make_settings(beta=BETA, sft_weight=WEIGHT, batch_size=4, device_batch_size=4, steps=STEPS, **changes)
    result = run_job(make_job(settings, tiny, various_pairs(4), folder / "out"))
    return [entry for entry in result.curves if "loss" in entry]


def after_one_step(tiny: Path, folder: Path, **changes: object) -> Path:
    """The model after the first of the same two steps."""
    settings = make_settings(beta=BETA, sft_weight=WEIGHT, batch_size=4, device_batch_size=4, steps=1, **changes)
    # Two steps decay the rate linearly from its full value; one step has that same first rate.
    run_job(make_job(settings, tiny, various_pairs(4), folder / "one"))
    return folder / "one" / "final"


def log_ratios(scores: list[PairScore], reference: list[PairScore]) -> tuple[np.ndarray, np.ndarray]:
    """Of chosen and of rejected programs: log policy - log reference."""
    chosen = [new.chosen - old.chosen for new, old in zip(scores, reference, strict=True)]
    rejected = [new.rejected - old.rejected for new, old in zip(scores, reference, strict=True)]
    return np.array(chosen), np.array(rejected)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def sft_loss(scores: list[PairScore]) -> float:
    """A mean over the tokens of each chosen program, then over programs."""
    return float(np.mean([-score.chosen / score.chosen_tokens for score in scores]))


def of_pairs(method: str, chosen: np.ndarray, rejected: np.ndarray, lengths: np.ndarray) -> float:
    """The published formulas: h = log-ratio of chosen - log-ratio of rejected."""
    h = chosen - rejected
    if method in ("dpo", "rpo"):
        return float(-np.log(sigmoid(BETA * h)).mean())
    if method == "hinge":
        return float(np.maximum(0, 1 - BETA * h).mean())
    per_token = chosen / lengths[:, 0] - rejected / lengths[:, 1]  # ipo, on means over tokens as TRL has it
    return float(((per_token - 1 / (2 * BETA)) ** 2).mean())


@pytest.mark.parametrize("method", ["rpo", "dpo", "hinge", "ipo"])
def test_losses_of_pairs_are_what_the_formulas_give(
    method: str, tiny: Path, pairs: tuple[TokenisedPair, ...], tmp_path: Path
) -> None:
    model = locate(str(tiny), tiny)
    reference = score_pairs(load_weights(model), pairs)
    moved = score_pairs(load_trained(model, after_one_step(tiny, tmp_path, method=method)), pairs)
    lengths = np.array([(len(pair.chosen), len(pair.rejected)) for pair in pairs])
    for entry, scores in zip(losses(tiny, tmp_path, method=method), (reference, moved), strict=True):
        preference = of_pairs(method, *log_ratios(scores, reference), lengths)
        sft = sft_loss(scores)
        if method == "rpo":
            assert entry["loss/dpo"] == pytest.approx(preference, rel=1e-4)
            assert entry["loss/sft"] == pytest.approx(sft, rel=1e-4)
            assert entry["loss"] == pytest.approx(preference + WEIGHT * sft, rel=1e-4)
        else:
            assert entry["loss"] == pytest.approx(preference, rel=1e-4)
    assert np.abs(log_ratios(moved, reference)).max() > 0.1, "the second step must not be like the first"


def test_the_loss_of_kto_is_what_the_formula_gives(
    tiny: Path, pairs: tuple[TokenisedPair, ...], tmp_path: Path
) -> None:
    # KTO, equation 7: 1 - sigmoid(beta (r - kl)) for a good program, 1 - sigmoid(beta (kl - r)) for a bad one, where
    # kl = max(0, mean over the pass of log policy - log reference of programs that belong to other prompts).
    model = locate(str(tiny), tiny)
    labelled = label(pairs, rows=8, seed=0, max_length=2048).rows
    assert len(labelled) == 8
    reference, moved = load_weights(model), kto_after_one_step(tiny, tmp_path)
    settings = make_settings(method="kto", beta=BETA, batch_size=8, device_batch_size=8, steps=STEPS)
    result = run_job(make_job(settings, tiny, various_pairs(4), tmp_path / "out"))
    entries = [entry for entry in result.curves if "loss" in entry]
    for entry, policy in zip(entries, (reference, moved), strict=True):
        ratios, others = (
            np.array(log_probabilities(policy, part)) - np.array(log_probabilities(reference, part))
            for part in (of_rows(labelled), [row.other for row in labelled])
        )
        kl = max(0.0, float(others.mean()))
        signs = np.where([row.is_good for row in labelled], 1, -1)
        assert entry["kl"] == pytest.approx(kl, rel=1e-3, abs=1e-4)
        assert entry["loss"] == pytest.approx((1 - sigmoid(BETA * signs * (ratios - kl))).mean(), rel=1e-4)
    assert entries[0]["loss"] == pytest.approx(0.5)
    assert entries[1]["kl"] > 0.01, "the estimate must matter"


def kto_after_one_step(tiny: Path, folder: Path) -> object:
    settings = make_settings(method="kto", beta=BETA, batch_size=8, device_batch_size=8, steps=1)
    run_job(make_job(settings, tiny, various_pairs(4), folder / "one"))
    return load_trained(locate(str(tiny), tiny), folder / "one" / "final")


def of_rows(labelled: Sequence[Labelled]) -> list[PromptCompletion]:
    return [row.sequence for row in labelled]


def test_the_loss_of_sft_is_a_mean_over_the_tokens_of_answers_alone(
    tiny: Path, pairs: tuple[TokenisedPair, ...], tmp_path: Path
) -> None:
    model = locate(str(tiny), tiny)
    answers = best_of_each_task(pairs)
    tokens = sum(len(answer.completion) for answer in answers)
    moved = load_trained(model, after_one_step(tiny, tmp_path, method="sft"))
    entries = losses(tiny, tmp_path, method="sft")
    for entry, policy in zip(entries, (load_weights(model), moved), strict=True):
        assert entry["loss"] == pytest.approx(-sum(log_probabilities(policy, answers)) / tokens, rel=1e-4)
    assert entries[1]["loss"] < entries[0]["loss"]


def test_sft_takes_the_best_solution_of_each_task(pairs: tuple[TokenisedPair, ...]) -> None:
    def scored(row: TokenisedPair, score: float, kind: str) -> TokenisedPair:
        return replace(row, pair=replace(row.pair, task_id="one", chosen_score=score, kind=kind))  # type: ignore[arg-type]

    rows = [scored(pairs[0], 1, "correctness"), scored(pairs[1], 2, "correctness"), scored(pairs[2], 2, "efficiency")]
    (best,) = best_of_each_task(rows)
    assert best.key == pairs[2].sequences[0].key


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", sorted(set(METHODS) - {"rpo", "dpo", "kto", "sft", "hinge", "ipo"}))
def test_trls_other_losses_train(method: str, tiny: Path, tmp_path: Path) -> None:
    found = losses(tiny, tmp_path, method=method, learning_rate=1e-4)
    assert len(found) == STEPS
    assert found[0]["loss"] != found[1]["loss"]
