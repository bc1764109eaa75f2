# pyright: basic, reportPrivateUsage=false, reportPrivateImportUsage=false
# (torch, transformers, peft and TRL are only partly typed)
"""A model on disk in, a trainable transformers model and its tokenizer out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codedpo.errors import ModelError
from codedpo.models import Model


def load_tokenizer(model: Model) -> Any:
    """The tokenizer with its chat template."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(**_location(model))


def load_weights(model: Model) -> Any:
    """The model in float32 on a CPU, bfloat16 on a GPU; a GGUF file is dequantised.

    Raises:
        ModelError: the files cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    arguments = _location(model)
    if model.is_gguf:
        arguments["quantization_config"] = GgufConfig(dequantize=True)
    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    try:
        weights: Any = AutoModelForCausalLM.from_pretrained(**arguments, dtype=dtype)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(f"{model.name}: cannot be loaded for training: {error}") from error
    return _tie_output_head(weights) if model.is_gguf else weights


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


def load_trained(model: Model, trained: Path | None) -> Any:
    """The model with the adapter in `trained`, the fully trained model there, or the model as it is for None."""
    if trained is None:
        return load_weights(model)
    if (trained / "adapter_config.json").exists():
        from peft import PeftModel

        return PeftModel.from_pretrained(load_weights(model), trained)
    return load_weights(Model(model.name, trained, ""))
