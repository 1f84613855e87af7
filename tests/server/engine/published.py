"""A tiny Llama as it would be published: a GGUF file with 4-bit groups, and the folder that set-up makes of it."""

from pathlib import Path

import gguf
import torch
from gguf import GGMLQuantizationType as Kind
from transformers import AutoModelForCausalLM, GgufConfig, LlamaForCausalLM, PreTrainedModel

from server.engine.fingerprint import GGUF
from tests import tiny

_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def make_published(folder: Path, *, kinds: dict[str, Kind] | None = None) -> Path:
    """Matrices in Q4_1 and the embedding in Q8_0, but for the `kinds` of some by their names in the file."""
    tiny.make_base(folder)
    write_gguf(folder / GGUF, LlamaForCausalLM.from_pretrained(folder), kinds=kinds)
    widened(folder, torch.bfloat16).save_pretrained(folder)
    return folder


def widened(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    """What transformers reads from the GGUF file."""
    return AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=GGUF, quantization_config=GgufConfig(dequantize=True), dtype=dtype
    )


def write_gguf(file: Path, model: PreTrainedModel, *, kinds: dict[str, Kind] | None = None) -> None:
    """As llama.cpp's converter writes a Llama: q and k with the pairs that turn together side by side."""
    config = model.config
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_token_list(["a", "b"])  # an array of texts, which the header's reader steps over
    for name, weight in model.model.named_parameters():
        values, stored = weight.detach().float().numpy(), _stored_name(name)
        for side, heads in (("attn_q", config.num_attention_heads), ("attn_k", config.num_key_value_heads)):
            if side in stored:
                values = values.reshape(heads, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        kind = (kinds or {}).get(stored, Kind.Q8_0 if name.startswith("embed") else Kind.Q4_1)
        if values.ndim == 1:
            writer.add_tensor(stored, values)
        else:
            writer.add_tensor(stored, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _stored_name(name: str) -> str:
    if not name.startswith("layers."):
        return {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}[name]
    _, number, inner = name.split(".", 2)
    return f"blk.{number}.{_NAMES[inner.removesuffix('.weight')]}.weight"
