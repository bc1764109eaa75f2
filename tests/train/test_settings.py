"""What cannot be trained is said by the key that is wrong, before anything is loaded; the rest reaches TRL."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from codedpo.config import make_config
from codedpo.errors import ConfigError, ModelError
from codedpo.models import Model
from codedpo.train.arguments import check_arguments, trl_config
from codedpo.train.methods import METHODS
from codedpo.train.settings import Launch, Train

pytestmark = pytest.mark.filterwarnings("ignore")

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"batch_size": 6, "device_batch_size": 4}, "train.batch_size: 6 is not a multiple of 4 rows a forward pass"),
    ({"batch_size": 3, "method": "kto"}, "train.batch_size: 3 is not a multiple of 2 rows a forward pass"),
    ({"batch_size": 4, "launch": Launch(processes=8)}, "not a multiple of 1 rows a forward pass (train.device_batch_size; KTO takes at least 2) x 8 processes"),
    ({"quantisation": {"load_in_4bit": True}, "lora_rank": 0}, "train.quantisation: quantised weights cannot be trained"),
    ({"method": "rop"}, "train.method: 'rop' is unknown; did you mean 'rpo'?"),
    ({"method": ("sft", "dpoo")}, "train.method: 'dpoo' is unknown; did you mean 'dpo'?"),
    ({"method": ()}, "train.method: names no method"),
    ({"method": ("sft", "rpo"), "by_method": {"stf": {}}}, "train.by_method.stf: is not in train.method; did you mean 'sft'?"),
    ({"by_method": {"rpo": {"epoch": 2}}}, "train.by_method.rpo.epoch: cannot be set here; did you mean 'epochs'?"),
    ({"by_method": {"rpo": {"lora_rank": 0}}}, "train.by_method.rpo.lora_rank: cannot be set here"),
    ({"by_method": {"rpo": {"batch_size": 6, "device_batch_size": 4}}}, "train.batch_size: 6 is not a multiple of 4"),
    ({"held_out": 1.0}, "train.held_out: 1.0 must be at least 0 and less than 1"),
    ({"device_batch_size": 0}, "train.device_batch_size"),
    ({"warmup_ratio": 5}, "train.warmup_ratio: 5 must be at least 0 and less than 1"),
    ({"by_method": {"rpo": {"epochs": "three"}}}, "train.by_method.rpo: "),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "text"), WRONG)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(text)):
        Train(**changes)


def test_one_method_of_a_chain_may_have_values_of_its_own() -> None:
    settings = Train(method=("sft", "rpo"), by_method={"sft": {"learning_rate": 2e-5, "epochs": 3}})
    assert (settings.only("sft").learning_rate, settings.only("sft").epochs) == (2e-5, 3)
    assert (settings.only("rpo").learning_rate, settings.only("rpo").epochs) == (5e-6, 1)


def test_a_configuration_names_launches_that_cannot_be() -> None:
    for changes, text in [
        ({"node_rank": 1}, "train.launch.node_rank: 1 must be less than nodes, 1"),
        ({"nodes": 2, "master": "here"}, "train.launch.master: 'here' must read host:port"),
    ]:
        with pytest.raises(ConfigError, match=re.escape(text)):
            Launch(**changes)


def test_arguments_of_trl_pass_through(tmp_path: Path) -> None:
    given = {"weight_decay": 0.1, "max_grad_norm": 0.5, "adam_beta2": 0.95, "optim": "sgd"}
    for method in ("rpo", "kto", "sft"):
        settings = Train(method=method, args=given)
        check_arguments(settings)
        config = trl_config(settings, tmp_path, seed=3)
        assert {name: getattr(config, name) for name in given} == given
        assert (config.seed, config.learning_rate, config.save_total_limit) == (3, 5e-6, 2)
        assert str(config.lr_scheduler_type.value) == "linear"


UNKNOWN: list[tuple[dict[str, Any], str]] = [
    ({"args": {"weight_decy": 0.1}}, "train.args.weight_decy: TRL has no such argument for rpo; did you mean 'weight_decay'?"),
    ({"args": {"learning_rate": 1.0}}, "train.args.learning_rate: set train.learning_rate instead"),
    ({"args": {"loss_type": ["ipo"]}}, "train.args.loss_type: set train.method instead"),
    ({"args": {"train_sampling_strategy": "random"}}, "train.args.train_sampling_strategy: would do nothing here: the seed decides the order"),
    ({"args": {"truncation_mode": "keep_end"}, "method": "sft"}, "train.args.truncation_mode: would do nothing here: too long pairs are dropped"),
    ({"args": {"padding_free": True}}, "train.args.padding_free: "),
    ({"args": {"packing": True}, "method": "sft"}, "train.args.packing: "),
    ({"args": {"discopop_tau": 0.1}, "method": ("sft", "rpo")}, "train.args.discopop_tau: TRL has no such argument for sft"),
    ({"args": {"sync_ref_model": True}}, "train.args.sync_ref_model: needs train.precompute_reference: false"),
    ({"args": {"ld_alpha": 0.5}}, "train.args.ld_alpha: needs train.precompute_reference: false"),
    ({"args": {"optim": "sgdd"}}, "is not a valid OptimizerNames"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "text"), UNKNOWN)
def test_arguments_that_trl_does_not_know_or_a_key_decides_are_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(text)):
        check_arguments(Train(**changes))


def test_every_method_has_a_trainer_that_takes_its_loss(tmp_path: Path) -> None:
    for name in METHODS:
        config = trl_config(Train(method=name), tmp_path, seed=0)
        assert config.loss_type in (METHODS[name].loss, [METHODS[name].loss])


def test_deepspeed_takes_the_place_of_fsdp(tmp_path: Path) -> None:
    settings = Train(launch=Launch(processes=2), args={"deepspeed": {"zero_optimization": {"stage": 2}}})
    if find_spec("deepspeed") is None:
        with pytest.raises(ConfigError, match=r"train\.args\.deepspeed: deepspeed is not installed"):
            check_arguments(settings)
    else:
        check_arguments(settings)
        assert not trl_config(settings, tmp_path, seed=0).fsdp


def test_quantised_weights_need_bitsandbytes(tmp_path: Path) -> None:
    from codedpo.llms.loading import load_weights
    from tiny_model import save_tiny_model

    model = Model("tiny", save_tiny_model(tmp_path), "")
    if find_spec("bitsandbytes") is None:
        with pytest.raises(ModelError, match=r"train\.quantisation: needs bitsandbytes, which is not installed"):
            load_weights(model, quantisation={"load_in_4bit": True})
    else:
        with pytest.raises(ModelError, match=r"train\.quantisation: BitsAndBytesConfig has no load_in_4bits"):
            load_weights(model, quantisation={"load_in_4bits": True})
    with pytest.raises(ModelError, match=r"train\.quantisation: m is a GGUF file; give a folder or a hub id"):
        load_weights(Model("m", tmp_path / "m.gguf", ""), quantisation={"load_in_4bit": True})


def test_a_run_says_at_its_start_what_it_could_not_train_with(tmp_path: Path) -> None:
    from codedpo.job import run
    from tiny_model import save_tiny_model

    settings = {
        "run_folder": str(tmp_path / "run"), "llm": {"kind": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"},
        "seeds": {"sources": [{"kind": "folder", "path": str(tmp_path)}]},
        "train": {"model": str(save_tiny_model(tmp_path / "tiny")), "args": {"weight_decy": 1}},
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"train\.args\.weight_decy: TRL has no such argument for rpo; did you mean"):
        run(make_config(settings))
