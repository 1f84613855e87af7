"""An activated LoRA as a GGUF file, which llama.cpp's server takes at its start. Called by the command line.

llama.cpp activates one token late (its `n_past` stops a token before the invocation), so the file names the invocation
tokens without their first. Queries and keys of Llama are stored there with their rotary halves interleaved.
"""

from pathlib import Path

import gguf
from torch import Tensor

from server.engine import AdapterRef
from server.engine.adapter_check import read_adapter_config
from server.engine.local.base.adapter import read_adapter
from server.engine.local.base.config import read_config
from server.engine.local.base.outline import outline
from server.errors import CopilotError

_ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
_INTERLEAVED = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}


def write_gguf(ref: AdapterRef, base: Path, out: Path) -> None:
    """Tensors in fp32, as `outline` wants them, the scaling folded in. Raises CopilotError, BaseError, OSError."""
    config, settings = read_config(base), read_adapter_config(ref.folder)
    architecture = _ARCHITECTURES.get(config.model_type)
    if architecture is None:
        raise CopilotError(f"There is no GGUF adapter for a {config.model_type}.", code="copilot_refused")
    names = gguf.get_tensor_name_map(
        next(arch for arch, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture), config.num_hidden_layers
    )
    _, linears = outline(base)
    weights = read_adapter(ref, linears)
    writer = gguf.GGUFWriter(out, architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(weights.rank))  # a scale of one
    if settings.alora_invocation_tokens:
        late = settings.alora_invocation_tokens[1:]
        kinds = gguf.GGUFValueType.ARRAY, gguf.GGUFValueType.UINT32
        writer.add_key_value(gguf.Keys.Adapter.ALORA_INVOCATION_TOKENS, late, *kinds)
    for module, (a, b) in weights.modules.items():
        name = names.get_name(module)
        heads = getattr(config, _INTERLEAVED.get(module.rpartition(".")[2], ""), 0) if architecture == "llama" else 0
        writer.add_tensor(f"{name}.weight.lora_a", a.numpy())
        writer.add_tensor(f"{name}.weight.lora_b", (interleaved(b, heads) if heads else b).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def interleaved(rows: Tensor, heads: int) -> Tensor:
    """[out, rank], the two halves of each head one row after the other."""
    halves = rows.reshape(heads, 2, len(rows) // heads // 2, rows.shape[1])
    return halves.swapaxes(1, 2).reshape(rows.shape).contiguous()
