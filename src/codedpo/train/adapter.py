# pyright: basic, reportPrivateUsage=false, reportPrivateImportUsage=false
# (torch, transformers, peft and TRL are only partly typed)
"""A PEFT LoRA adapter in, a GGUF adapter out, so that llama.cpp can serve the trained model on the same base file.

Layout as llama.cpp reads it: per adapted matrix `<tensor>.lora_a (rank, n_in)` and `<tensor>.lora_b (n_out, rank)`,
`adapter.lora.alpha` as metadata; the base's own architecture. For the llama architecture the rows of q and k are
stored in another order (rotary halves interleaved), so those rows of lora_b are moved likewise.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from codedpo.errors import ModelError
from codedpo.models import Model
from codedpo.places import atomic_path

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_KEY = re.compile(r"layers\.(\d+)\.([a-z_]+\.[a-z_]+)\.lora_([AB])\.weight$")


def write_gguf_adapter(peft_folder: Path, base: Model, target: Path) -> Path:
    """Convert the adapter in `peft_folder` for the GGUF file `base`; returns `target`.

    Raises:
        ModelError: the adapter touches a matrix that llama.cpp's layout has no name for.
    """
    import gguf
    from safetensors.numpy import load_file

    fields = gguf.GGUFReader(base.path).fields
    architecture = fields["general.architecture"].contents()
    heads = {
        "attn_q": fields[f"{architecture}.attention.head_count"].contents(),
        "attn_k": fields[f"{architecture}.attention.head_count_kv"].contents(),
    }
    settings = json.loads((peft_folder / "adapter_config.json").read_text())
    with atomic_path(target) as temporary:
        writer = gguf.GGUFWriter(temporary, architecture)
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(settings["lora_alpha"]))
        for key, value in load_file(peft_folder / "adapter_model.safetensors").items():
            name, part = _tensor_name(key)
            if architecture == "llama" and part == "b" and name in heads:
                value = _interleave(value, heads[name])
            layer = _KEY.search(key)
            assert layer is not None
            writer.add_tensor(f"blk.{layer[1]}.{name}.weight.lora_{part}", value.astype("float32"))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return target


def _tensor_name(key: str) -> tuple[str, str]:
    match = _KEY.search(key)
    if match is None or match[2] not in _NAMES:
        raise ModelError(f"the adapter's tensor {key} has no counterpart in llama.cpp")
    return _NAMES[match[2]], match[3].lower()


def _interleave(rows: Any, heads: int) -> Any:
    """Rows (n_out, rank) from the order of transformers to that of llama.cpp's rotary embedding."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)
