# pyright: basic, reportPrivateImportUsage=false
# (transformers is only partly typed)
"""A model in, what turns chats into its token ids out, without loading its weights."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

from codedpo.llms.loading import load_tokenizer
from codedpo.models import Model
from codedpo.train.data import ChatTokenizer


@functools.lru_cache(maxsize=1)  # arms mostly share one; reading that of a GGUF file takes seconds
def chat_tokenizer(model: Model) -> ChatTokenizer:
    """The same as training makes from tokenizer and weights.

    Raises:
        ModelError: its tokenizer cannot be loaded.
    """
    tokenizer = load_tokenizer(model)
    return ChatTokenizer.of(tokenizer, SimpleNamespace(generation_config=_generation_config(model)))


def _generation_config(model: Model) -> Any:
    """As transformers finds it: a file of its own, or what the model's configuration says."""
    from transformers import AutoConfig, GenerationConfig

    if model.is_gguf:
        folder, file = model.path.resolve().parent, model.path.name
        return GenerationConfig.from_model_config(AutoConfig.from_pretrained(str(folder), gguf_file=file))
    try:
        return GenerationConfig.from_pretrained(str(model.path))
    except OSError:
        return GenerationConfig.from_model_config(AutoConfig.from_pretrained(str(model.path)))
