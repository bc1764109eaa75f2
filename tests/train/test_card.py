"""The model card tells base, data, method, hyper-parameters, results and licences, in the form that hubs read."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from jobs import make_pair

from codedpo.evaluate import PassRate, Verdict
from codedpo.models import Model
from codedpo.records import Generation, Seed
from codedpo.train.card import add_pass_rates, write_card
from codedpo.train.job import TrainJob
from codedpo.train.settings import Launch, Train
from training_results import make_result

SEED = Seed("s", "f", "def f(): pass", "Do.", "toolz", "1.0", "a.py", 1, "BSD-3-Clause")
GENERATION = Generation("qwen2.5-coder-0.5b", "w", "solution-2", 1.0, 0.95, 0, 512, 0)


def card(folder: Path, settings: Train, **changes: Any) -> str:
    pairs = (make_pair(1, seed=SEED, generation=GENERATION), make_pair(2, seed=SEED), make_pair(3))
    job = TrainJob(settings, Model("base-model", folder, "abc"), pairs, frozenset(), (), folder, folder, 7)
    write_card(replace(job, **changes), make_result(warnings=("chosen programs fell",)), folder)
    return (folder / "README.md").read_text()


def test_a_card_begins_with_yaml_that_hubs_read(tmp_path: Path) -> None:
    _, head, body = card(tmp_path, Train(method=("sft", "rpo"))).split("---\n", 2)
    assert yaml.safe_load(head) == {
        "base_model": "base-model",
        "library_name": "peft",
        "license": "other",
        "license_name": "that-of-the-base-model",
        "pipeline_tag": "text-generation",
        "tags": ["code", "preference-optimisation", "codedpo", "sft", "rpo"],
    }
    assert body.strip().startswith("# base-model, trained with SFT THEN RPO")
    assert yaml.safe_load(card(tmp_path, Train(lora_rank=0)).split("---\n")[1])["library_name"] == "transformers"


def test_a_card_tells_base_data_method_and_results(tmp_path: Path) -> None:
    launch = Launch(processes=2)
    settings = Train(learning_rate=3e-5, args={"weight_decay": 0.1}, by_method={"rpo": {"beta": 0.2}}, launch=launch)
    lines = card(tmp_path, settings, start=Path("training/abc/final")).splitlines()
    for line in (
        "- base-model, SHA-256 `abc`",
        "- gone on from the training `abc`",
        "- 4 pairs: 2 to train on, 1 held out",
        "- left out: 1 too long, 0 identical, 0 duplicates",
        "- written by: qwen2.5-coder-0.5b",
        "- ranked by: codedpo",
        "- licences of the source code: BSD-3-Clause (2), unknown: own tasks (1)",
        "- method: rpo",
        "- learning_rate: 3e-05",
        "- sft_weight: 1.0",
        '- more arguments of TRL: `{"weight_decay": 0.1}`',
        '- by method: `{"rpo": {"beta": 0.2}}`',
        "- processes: 2 (fsdp)",
        "- seed: 7",
        "- last loss: 0.5000",
        "- chosen gained more than rejected in 100%",
        "- warning: chosen programs fell",
        "- pass@1 on benchmarks: see the report of the run",
    ):
        assert line in lines
    assert any("(1): the chosen program is the likelier one per token in 0% before and 100% after" in x for x in lines)


def test_nothing_held_out_is_no_result(tmp_path: Path) -> None:
    job = TrainJob(Train(), Model("m", tmp_path, "a"), (make_pair(1),), frozenset(), (), tmp_path, tmp_path, 0)
    write_card(job, make_result(held_out_pairs=0, held_out_accuracy_after=math.nan), tmp_path)
    assert "nan" not in (tmp_path / "README.md").read_text()


def test_pass_rates_are_filled_in_once_they_are_known(tmp_path: Path) -> None:
    card(tmp_path, Train())
    solved = [PassRate(label, tuple(Verdict(str(n), n < k, "", "", "", "") for n in range(4)))
              for label, k in (("before", 1), ("after", 3))]  # fmt: skip
    for _ in range(2):
        add_pass_rates(tmp_path, "humaneval", *solved)
    text = (tmp_path / "README.md").read_text()
    assert text.count("pass@1") == 1
    assert "- pass@1 on humaneval, 4 problems, greedy:\n  - before: 25.0% (95% interval 4.6% to 69.9%)\n" in text
    assert "  - after: 75.0% (95% interval" in text
    assert "  - difference +50.0 points (95% interval" in text
    assert text.startswith("---\nbase_model: m") is False
    assert yaml.safe_load(text.split("---\n")[1])["base_model"] == "base-model"
