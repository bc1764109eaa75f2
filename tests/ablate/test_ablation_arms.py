"""What is varied: each arm differs in one thing; what cannot work is said before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from codedpo.ablate.arms import arms_of
from codedpo.ablate.command import describe_ablation
from codedpo.ablate.steps import with_steps
from codedpo.config import Config, make_config
from codedpo.errors import ConfigError

TRAIN = {"model": "a/b", "batch_size": 2}


def config(**changes: Any) -> Config:
    return make_config({"run_folder": "r", "llm": {"kind": "openai", "model": "m"}, "train": TRAIN, **changes})


def test_a_ranker_has_its_own_parameters_and_nothing_is_timed() -> None:
    mine = {"rankings": {"parameters": {"damping": 0.5}}, "ablations": {"rankers": ["count", "codedpo"]}}
    count, codedpo = arms_of(config(**mine), "rankers")
    assert (count.config.rankings.ranker, count.config.rankings.parameters) == ("count", {})
    assert codedpo.config.rankings.parameters == {"damping": 0.5}
    assert count.config.timings is None
    assert not count.config.pairs.efficiency
    assert count.config.train == codedpo.config.train
    timed = config(**{**mine, "ablations": {"rankers": ["count"], "efficiency": True}})
    (arm,) = arms_of(timed, "rankers")
    assert (arm.config.timings, arm.config.pairs) == (timed.timings, timed.pairs)


def test_the_other_ablations_vary_methods_models_kinds_and_shares() -> None:
    own = {"method": ["sft", "rpo"], "by_method": {"sft": {"learning_rate": 2e-5}}}
    given = config(train={**TRAIN, **own}, ablations={"methods": ["kto", ["sft", "rpo"]], "models": ["c/d"]})
    assert [(arm.name, arm.train.chain) for arm in arms_of(given, "methods")] == [
        ("kto", ("kto",)),
        ("sft+rpo", ("sft", "rpo")),
    ]
    assert [arm.train.by_method for arm in arms_of(given, "methods")] == [{}, own["by_method"]]
    assert [(arm.name, arm.train.model) for arm in arms_of(given, "models")] == [("c/d", "c/d")]
    assert [arm.kinds for arm in arms_of(given, "pairs")][1:] == [("correctness",), ("efficiency",)]
    assert [(arm.name, arm.share) for arm in arms_of(given, "data")][-1] == ("25%", 0.25)


@pytest.mark.parametrize(
    ("kind", "changes", "text"),
    [
        ("rnkers", {}, "ablate: 'rnkers' is unknown; did you mean 'rankers'?"),
        ("data", {"train": None}, "the configuration needs a `train` section"),
        ("models", {}, r"ablations\.models: names no arm"),
        ("rankers", {"ablations": {"rankers": ["codepdo"]}}, r"ablations\.rankers: 'codepdo' is unknown; did you mean"),
        ("methods", {"ablations": {"methods": [["sft", "rpoo"]]}}, r"ablations\.methods: 'rpoo' is unknown; did you"),
        ("methods", {"ablations": {"methods": ["rpo", "rpo"]}}, r"ablations\.methods: rpo is named twice"),
        ("data", {"ablations": {"data": [1.5]}}, r"ablations\.data: 1.5 must be above 0 and at most 1"),
        ("data", {"ablations": {"seeds": 0}}, r"ablations\.seeds: 0 must be at least 1"),
        ("methods", {"train": {**TRAIN, "batch_size": 1}}, r"'method': 'kto'.*train\.batch_size: 1 is not a multiple"),
    ],
)
def test_a_mistake_is_named_with_its_place(kind: str, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        arms_of(config(**changes), kind)


def test_the_methods_of_a_chain_share_the_steps() -> None:
    (arm,) = arms_of(config(ablations={"methods": [["sft", "rpo"]]}), "methods")
    settings = with_steps(arm.train, 5)
    assert [settings.only(method).steps for method in settings.chain] == [2, 3]
    with pytest.raises(ConfigError, match=r"1 optimiser steps are too few for sft\+rpo; raise train\.steps"):
        with_steps(arm.train, 1)


def test_a_plan_counts_trainings_and_evaluations() -> None:
    text = describe_ablation(config(evaluate={"every": 80}, ablations={"seeds": 3}), "methods")
    assert "4 arms x 3 seeds: 12 trainings, 13 evaluations of 3 problems (humaneval, every 80th problem" in text
    assert "optimiser steps (the least that any arm would do in train.epochs)" in text
    assert "nothing is timed" in describe_ablation(config(), "rankers")
    assert "(7 steps)" in describe_ablation(config(train={**TRAIN, "steps": 7}), "data")


def test_a_dry_run_writes_nothing_and_a_wrong_name_ends_with_2(tmp_path: Path) -> None:
    given = {"run_folder": "run", "llm": {"kind": "openai", "model": "m"}, "train": TRAIN}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(given))
    command = [sys.executable, "-m", "codedpo", "ablate", "rankers", "-c", "a.yaml"]
    planned = subprocess.run([*command, "--dry-run"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "6 arms x 1 seeds: 6 trainings" in planned.stdout
    failed = subprocess.run([*command, "train=null"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (failed.returncode, os.listdir(tmp_path)) == (2, ["a.yaml"])
    assert "needs a `train` section" in failed.stderr
