"""The look at the data before training, counted by hand, and shown to whoever runs it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from jobs import make_job, make_pair, make_settings
from rich.console import Console

from codedpo.progress import Panel
from codedpo.train.check import Bar, check
from codedpo.train.result import read_result
from codedpo.train.trainer import train
from tiny_model import save_tiny_model


def test_fates_and_kinds_are_counted() -> None:
    found = check(
        [10, 20, 30, 40, 50, 60],
        ["trained on", "trained on", "trained on", "held out", "overlong", "duplicate"],
        ["correctness", "correctness", "efficiency", "efficiency", "correctness", "correctness"],
    )
    assert (found.pairs, found.trained_on, found.held_out) == (6, 3, 1)
    assert (found.overlong, found.identical, found.duplicate) == (1, 0, 1)
    assert found.kinds == {"correctness": 2, "efficiency": 1}
    text = list(found.lines())
    assert text[0] == "6 pairs: 3 to train on, 1 held out"
    assert "kinds: correctness 2 (67%), efficiency 1 (33%)" in text
    assert not any("labels" in line for line in text)


def test_a_histogram_has_bars_of_equal_width_with_round_ends() -> None:
    # From 1 to 700 in 8 bars: 87.5, rounded up to 88 and then to 90; 90 belongs to the first bar.
    found = check([1, 90, 91, 700], ["trained on"] * 4, ["correctness"] * 4)
    assert found.lengths == (Bar(90, 2), Bar(180, 1), *(Bar(90 * n, 0) for n in range(3, 8)), Bar(720, 1))
    # From 501 to 516: a width of 2; the first bar begins behind 500.
    bars = check([501, 516, 502], ["trained on"] * 3, ["correctness"] * 3).lengths
    assert (bars[0], bars[-1], len(bars)) == (Bar(502, 2), Bar(516, 1), 8)
    assert next(line for line in found.lines() if "tokens" in line) == f"    90 tokens {'#' * 24} 2"
    assert next(check([], [], []).lines()) == "0 pairs: 0 to train on, 0 held out"


@pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend
def test_the_check_is_shown_before_the_first_step_and_kept(tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny")
    pairs = [make_pair(1), make_pair(2), make_pair(2), make_pair(3, "x", "x"), make_pair(4, "x = 1\n" * 900)]
    settings = make_settings(method="kto", batch_size=2, device_batch_size=2, steps=1)
    story: list[str] = []
    job = make_job(settings, tiny, pairs, tmp_path / "out")
    train(job, on_step=lambda *_: story.append("a step"), on_note=story.extend)
    assert story[-1] == "a step"
    assert story[:4] == [
        "5 pairs: 2 to train on, 0 held out",
        "left out: 1 too long, 1 identical, 1 duplicates",
        "kinds: correctness 2 (100%)",
        "labels: 2 good, 2 bad",
    ]
    kept = read_result(tmp_path / "out")
    assert kept is not None
    assert (kept.check.positives, kept.check.negatives, kept.check.identical) == (2, 2, 1)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_panel_prints_what_a_step_notes(is_terminal: bool) -> None:
    written = io.StringIO()
    with Panel(Console(file=written, force_terminal=is_terminal, width=100)) as panel:
        panel.started("train", 5)
        panel.noted("train", ["2 pairs: [1] to train on", "left out: 0"])
    assert "  train: 2 pairs: [1] to train on\n  train: left out: 0\n" in written.getvalue()


@pytest.mark.filterwarnings("ignore")  # warnings of torch and transformers are not ours to mend
def test_a_chain_tells_once_what_its_methods_share_and_counts_its_steps_on(tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny")
    settings = make_settings(method=("sft", "kto"), batch_size=2, device_batch_size=2, steps=2)
    notes: list[str] = []
    steps: list[tuple[int, int]] = []
    job = make_job(settings, tiny, [make_pair(1), make_pair(2)], tmp_path / "out")
    train(job, on_step=lambda *step: steps.append(step), on_note=notes.extend)
    assert steps == [(1, 2), (2, 2), (3, 4), (4, 4)]
    assert len(set(notes)) == len(notes)
    assert notes[-1] == "labels: 2 good, 2 bad"
    cards = {str(path.relative_to(tmp_path / "out")): path.read_text() for path in (tmp_path / "out").rglob("*.md")}
    assert set(cards) == {"final/README.md", "0-sft/final/README.md"}  # none of TRL's own
    assert "trained with SFT on" in cards["0-sft/final/README.md"]
    assert "trained with SFT THEN KTO on" in cards["final/README.md"]
