"""Scores of the reference model: the same as TRL's own, kept, found again, and gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from compare import largest_difference, various_pairs
from jobs import make_job, make_settings, run_job

from codedpo.llms.loading import load_tokenizer, load_weights
from codedpo.models import Model, locate
from codedpo.train import reference
from codedpo.train.data import ChatTokenizer, PromptCompletion, prepare
from codedpo.train.processes import Processes
from codedpo.train.reference import reference_folder, reference_scores
from codedpo.train.scoring import log_probabilities
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def weights(tiny: Path) -> Any:
    return load_weights(locate(str(tiny), tiny))


@pytest.fixture(scope="module")
def sequences(tiny: Path, weights: Any) -> list[PromptCompletion]:
    chat = ChatTokenizer.of(load_tokenizer(locate(str(tiny), tiny)), weights)
    rows = prepare(various_pairs(4), chat, max_length=1024, held_out=frozenset()).train
    return [sequence for row in rows for sequence in row.sequences]


class Counting:
    """Weights that count the sequences they are asked about."""

    def __init__(self, weights: Any, monkeypatch: pytest.MonkeyPatch):
        self.asked = 0
        self.fails_after = 10**9

        def counted(model: Any, chunk: Sequence[PromptCompletion], *, pad: int) -> list[float]:
            if self.asked >= self.fails_after:
                raise KeyboardInterrupt
            self.asked += len(chunk)
            return log_probabilities(model, chunk, pad=pad)

        monkeypatch.setattr(reference, "log_probabilities", counted)


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_scores_made_beforehand_train_as_a_second_model_does(
    method: str, rank: int, tiny: Path, tmp_path: Path
) -> None:
    curves: list[list[float]] = []
    for precompute in (True, False):
        settings = make_settings(
            method=method, lora_rank=rank, batch_size=4, device_batch_size=4, epochs=2, precompute_reference=precompute,
            learning_rate=1e-2, args={"optim": "sgd"},
        )  # fmt: skip
        result = run_job(make_job(settings, tiny, various_pairs(4), tmp_path / str(precompute)))
        curves.append([entry["loss"] for entry in result.curves if "loss" in entry])
    assert curves[0] == pytest.approx(curves[1], rel=1e-4)
    assert len(curves[0]) == (2 if method == "dpo" else 4)
    assert largest_difference(*(tmp_path / str(precompute) / "final" for precompute in (True, False))) < 1e-5


def test_scores_are_found_again_and_only_what_is_new_is_asked(
    weights: Any, sequences: list[PromptCompletion], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting(weights, monkeypatch)
    found = reference_scores(weights, sequences[:6], tmp_path, pad=0, processes=Processes())
    assert counting.asked == 6
    assert reference_scores(weights, sequences[:6], tmp_path, pad=0, processes=Processes()) == found
    assert counting.asked == 6
    every = reference_scores(weights, sequences, tmp_path, pad=0, processes=Processes())
    assert counting.asked == 8
    assert every.items() > found.items()
    assert [every[row.key] for row in sequences] == pytest.approx(log_probabilities(weights, sequences), rel=1e-6)


def test_scoring_goes_on_from_what_was_kept(
    weights: Any, sequences: list[PromptCompletion], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "_SAVE_SECONDS", -1)
    monkeypatch.setattr(reference, "_CHUNK", 2)
    counting = Counting(weights, monkeypatch)
    counting.fails_after = 4
    with pytest.raises(KeyboardInterrupt):
        reference_scores(weights, sequences, tmp_path, pad=0, processes=Processes())
    counting.fails_after = 10**9
    found = reference_scores(weights, sequences, tmp_path, pad=0, processes=Processes())
    assert counting.asked == 8, "nothing is asked twice"
    assert [found[row.key] for row in sequences] == pytest.approx(log_probabilities(weights, sequences), rel=1e-6)


def test_other_weights_in_the_same_place_have_a_folder_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"one")
    model = Model("m", folder, "name")
    one = reference_folder(tmp_path, model, None)
    assert reference_folder(tmp_path, model, None) == one
    assert reference_folder(tmp_path, model, folder) != one
    (folder / "model.safetensors").write_bytes(b"others")
    assert reference_folder(tmp_path, model, None) != one
