"""Adapters find the linear layers of each architecture, and a shared output head stays shared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jobs import make_job, make_pair, make_settings, run_job

from codedpo.llms.loading import load_trained, load_weights
from codedpo.models import Model, default_cache, locate
from codedpo.train.lora import lora_config
from codedpo.train.settings import Train
from tiny_model import save_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore")

LLAMA = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def tiny_of(kind: str) -> Any:
    """A random model of an architecture that the paper trains."""
    import transformers

    sizes = {"vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
    if kind == "GPT2":
        config = transformers.GPT2Config(vocab_size=64, n_embd=16, n_layer=3, n_head=2, n_positions=64)
        return transformers.GPT2LMHeadModel(config)
    config = getattr(transformers, f"{kind}Config")(intermediate_size=32, num_key_value_heads=2, **sizes)
    config.pad_token_id = 0
    return getattr(transformers, f"{kind}ForCausalLM")(config)


TARGETS = {
    "GPT2": {"c_attn", "c_proj", "c_fc"},
    "Phi": {"q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"},
    "Starcoder2": {"q_proj", "k_proj", "v_proj", "o_proj", "c_fc", "c_proj"},
    "Qwen2": LLAMA,
    "Llama": LLAMA,
}


@pytest.mark.parametrize("kind", sorted(TARGETS))
@pytest.mark.parametrize("last", [0, 1])
def test_adapters_lie_on_all_linear_layers_but_the_head(kind: str, last: int) -> None:
    from peft import get_peft_model

    weights = tiny_of(kind)
    config = lora_config(Train(lora_rank=2, lora_last_layers=last), weights)
    assert set(config.target_modules) == TARGETS[kind]
    trained = [name for name, value in get_peft_model(weights, config).named_parameters() if value.requires_grad]
    layers = {part for name in trained for part in name.split(".") if part.isdigit()}
    assert layers == ({"2"} if last else {"0", "1", "2"})
    assert not any("lm_head" in name or "embed" in name for name in trained)


def save_tied_model(folder: Path) -> Path:
    """The tiny model with one matrix for embeddings and output head."""
    from transformers import AutoModelForCausalLM

    save_tiny_model(folder)
    weights = AutoModelForCausalLM.from_pretrained(folder)
    weights.config.tie_word_embeddings = True
    weights.tie_weights()
    weights.save_pretrained(folder)
    return folder


def test_a_shared_output_head_is_shared_after_training_and_saved_once(tmp_path: Path) -> None:
    tied = save_tied_model(tmp_path / "tied")
    run_job(make_job(make_settings(steps=1), tied, [make_pair(1)], tmp_path / "out"))
    trained = load_trained(locate(str(tied), tied), tmp_path / "out" / "final")
    assert trained.get_output_embeddings().weight is trained.get_input_embeddings().weight
    assert trained.config.tie_word_embeddings
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (tied, tmp_path / "out" / "final")]
    assert abs(sizes[0] - sizes[1]) < 1000


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(900)
def test_the_packaged_models_are_trained_whole_with_one_shared_matrix(tmp_path: Path) -> None:
    model = locate("smollm2-135m", default_cache())
    assert set(lora_config(Train(), load_weights(model)).target_modules) == LLAMA
    pairs = [make_pair(n) for n in range(2)]
    run_job(make_job(make_settings(steps=1, batch_size=2), model.path, pairs, tmp_path / "out"))
    final = tmp_path / "out" / "final"
    trained = load_trained(Model(model.name, final, ""), None)
    assert trained.get_output_embeddings().weight is trained.get_input_embeddings().weight
    parameters = sum(value.numel() for value in trained.parameters())
    assert sum(path.stat().st_size for path in final.glob("*.safetensors")) == pytest.approx(4 * parameters, rel=0.01)
