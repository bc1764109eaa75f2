# pyright: basic, reportPrivateImportUsage=false
# (torch and peft are only partly typed)
"""A model in; the LoRA adapter that is to be trained on it, and the model with a trained one merged into it, out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codedpo.errors import ModelError
from codedpo.llms.loading import load_tokenizer, load_trained, load_weights
from codedpo.models import Model
from codedpo.places import atomic_folder
from codedpo.train.settings import Train


def load_trainable(settings: Train, model: Model, start: Path | None) -> Any:
    """The model, to be trained itself or to get an adapter; with the adapter, or the weights, that `start` holds.

    Raises:
        ModelError: it cannot be loaded, or `start` holds an adapter where all weights are trained, or the reverse.
    """
    is_adapter = start is not None and (start / "adapter_config.json").exists()
    if start is not None and is_adapter != (settings.lora_rank > 0):
        held, wanted = ("a LoRA adapter", "0 trains all weights") if is_adapter else ("all weights", "above 0 is LoRA")
        raise ModelError(f"train.lora_rank: {start} holds {held}, but {settings.lora_rank} ({wanted}): go on as it was")
    source = model if start is None or is_adapter else Model(model.name, start, "")
    launch = settings.launch
    weights = load_weights(
        source,
        master=settings.lora_rank == 0 or (launch.world > 1 and launch.sharding == "fsdp"),  # it takes one type alone
        attention=settings.attention,
        quantisation=settings.quantisation,
    )
    if start is None or not is_adapter:
        return weights
    from peft import PeftModel

    return PeftModel.from_pretrained(weights, start, is_trainable=True)


def lora_config(settings: Train, weights: Any) -> Any:
    """Adapters on all linear layers but the output head, or on those of the last layers only."""
    from peft import LoraConfig

    layers = weights.config.get_text_config().num_hidden_layers
    first = max(0, layers - settings.lora_last_layers)
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules=_linear_layers(weights),
        layers_to_transform=list(range(first, layers)) if settings.lora_last_layers else None,
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in weights.modules()),
        task_type="CAUSAL_LM",
    )


def write_merged(model: Model, trained: Path, target: Path) -> None:
    """Write the model with the adapter in `trained` merged into its weights, and its tokenizer, for transformers."""
    merged = load_trained(model, trained).merge_and_unload()
    with atomic_folder(target) as folder:
        merged.save_pretrained(folder)
        load_tokenizer(model).save_pretrained(folder)


def _linear_layers(weights: Any) -> list[str]:
    """Last parts of the names of linear layers; quantised ones are linear too, and GPT-2's, by another name."""
    import torch
    from transformers.pytorch_utils import Conv1D

    head = weights.get_output_embeddings()
    linear = [
        name
        for name, module in weights.named_modules()
        if (isinstance(module, torch.nn.Linear | Conv1D) or type(module).__name__ in ("Linear4bit", "Linear8bitLt"))
        and module is not head
    ]
    return sorted({name.rpartition(".")[2] for name in linear})
