# pyright: basic, reportPrivateUsage=false, reportPrivateImportUsage=false
# (torch, transformers, peft and TRL are only partly typed)
"""A model on disk in, a transformers model, fit to be trained, and its tokenizer out."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from codedpo.errors import ModelError
from codedpo.models import Model
from codedpo.prompting import TEXT_STOPS, text_chat_template


def load_tokenizer(model: Model) -> Any:
    """The tokenizer with its chat template; a base model gets one that gives what `text_prompt` gives.

    Raises:
        ModelError: it cannot be loaded.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(**_location(model))
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(f"{model.name}: its tokenizer cannot be loaded: {error}") from error
    if tokenizer.chat_template is None:
        tokenizer.chat_template = ("{{ bos_token }}" if begins_with_bos(tokenizer) else "") + text_chat_template()
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def begins_with_bos(tokenizer: Any) -> bool:
    """Whether the tokenizer, and so every server, begins a text with a token of its own."""
    return tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]


def text_stops(tokenizer: Any) -> tuple[str, ...]:
    """Where the answers of a base model end, beside its end tokens; nothing for a model with a template of its own."""
    return TEXT_STOPS if str(tokenizer.chat_template).endswith(text_chat_template()) else ()


def load_weights(
    model: Model, *, master: bool = False, attention: str = "", quantisation: Mapping[str, Any] | None = None
) -> Any:
    """The model, on a GPU where there is one; a GGUF file is dequantised.

    Args:
        master: weights that are trained themselves, in float32; else bfloat16 on a GPU, float32 on a CPU.
        attention: kernel by transformers' name; empty lets transformers choose.
        quantisation: arguments of BitsAndBytesConfig; empty or None: none.

    Raises:
        ModelError: the files cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    arguments = _location(model)
    if model.is_gguf:
        arguments["quantization_config"] = GgufConfig(dequantize=True)
    if attention:
        arguments["attn_implementation"] = attention
    if quantisation:
        if model.is_gguf:
            raise ModelError(f"train.quantisation: {model.name} is a GGUF file; give a folder or a hub id")
        arguments["quantization_config"] = _quantisation(quantisation)
    gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if gpu and not master else torch.float32
    try:
        weights: Any = AutoModelForCausalLM.from_pretrained(**arguments, dtype=dtype)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(f"{model.name}: cannot be loaded: {error}") from error
    weights = _tie_output_head(weights) if model.is_gguf else weights
    return weights.to(f"cuda:{os.environ.get('LOCAL_RANK', '0')}") if gpu and not quantisation else weights


def _quantisation(arguments: Mapping[str, Any]) -> Any:
    from transformers import BitsAndBytesConfig

    if find_spec("bitsandbytes") is None:
        raise ModelError("train.quantisation: needs bitsandbytes, which is not installed: pip install bitsandbytes")
    try:
        found, unknown = BitsAndBytesConfig.from_dict(dict(arguments), return_unused_kwargs=True)
    except (TypeError, ValueError) as error:
        raise ModelError(f"train.quantisation: {error}") from error
    if unknown:
        raise ModelError(f"train.quantisation: BitsAndBytesConfig has no {', '.join(unknown)}")
    return found


def _tie_output_head(weights: Any) -> Any:
    """Share one matrix between embeddings and output head where the GGUF file stores it twice.

    Official small checkpoints tie the two; a converter may write them apart, each in its own quantisation. The head
    is the more precise copy, so it becomes the shared matrix. Where they are different matrices nothing is changed.
    """
    import torch

    head, embeddings = weights.get_output_embeddings(), weights.get_input_embeddings()
    if head is None or head.weight is embeddings.weight or head.weight.shape != embeddings.weight.shape:
        return weights
    rows = slice(0, 1000)
    likeness = torch.nn.functional.cosine_similarity(head.weight[rows], embeddings.weight[rows], dim=1).mean().item()
    if likeness > 0.98:
        embeddings.weight = head.weight
        weights.config.tie_word_embeddings = True
    return weights


def _location(model: Model) -> dict[str, Any]:
    if model.is_gguf:
        path = Path(model.path).resolve()
        return {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    return {"pretrained_model_name_or_path": str(model.path)}


def free_memory() -> None:
    """Give back what models hold that nobody uses any more: TRL's trainers leave them in circles of references."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def load_trained(model: Model, trained: Path | None) -> Any:
    """The model with the adapter in `trained`, the fully trained model there, or the model as it is for None."""
    if trained is None:
        return load_weights(model)
    if (trained / "adapter_config.json").exists():
        from peft import PeftModel

        return PeftModel.from_pretrained(load_weights(model), trained)
    return load_weights(Model(model.name, trained, ""))
