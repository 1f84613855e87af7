"""A base folder of Llama's kind as a GGUF file in fp32: the very weights that the engine of this machine computes with.

The file that set-up fetched has 4 bits a weight, and llama.cpp rounds what it multiplies with them to 8 bits.
"""

from pathlib import Path

import gguf
from safetensors import safe_open

from server.engine.fingerprint import GGUF
from server.engine.local.base.adapter_gguf import interleaved
from server.engine.local.base.config import read_config


def write_wide(base: Path, out: Path) -> None:
    """540 MB for the embedded base."""
    config, source = read_config(base), gguf.GGUFReader(base / GGUF)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    writer = gguf.GGUFWriter(out, "llama")
    for field in source.fields.values():
        if not field.name.startswith("GGUF.") and field.name != gguf.Keys.General.ARCHITECTURE:
            writer.add_key_value(field.name, field.contents(), *field.types[:2])
    with safe_open(base / "model.safetensors", framework="pt") as tensors:
        for full_name in tensors.keys():  # noqa: SIM118 - no mapping
            tensor, name = tensors.get_tensor(full_name).float(), full_name.removesuffix(".weight")
            heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
            number = heads.get(name.rpartition(".")[2])
            writer.add_tensor(
                f"{names.get_name(name)}.weight", (interleaved(tensor, number) if number else tensor).numpy()
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
