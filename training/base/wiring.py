"""Starts a new base with one copying circuit in place: a previous-token head, and induction heads that use it.

Copying from the page is what the base must do, and the circuit for it (Olsson et al. 2022) appears late: two
layers have to discover each other. A run on a laptop ends before that, so the circuit is written into the
initial weights and training refines it. Everything else starts random, output projections at zero.
"""

import torch
from torch import Tensor
from transformers import Qwen3ForCausalLM
from transformers.models.qwen3.modeling_qwen3 import Qwen3Attention

CONSTANT = 0.16  # channel 0 of every embedding: lets a head ask for a position rather than for a word
WRITE_PREVIOUS = 0.05
WRITE_COPY = 0.3
PREVIOUS_SHARPNESS = 5.0
MATCH_SHARPNESS = 1.6
OUTPUT_SCALE = 2.0  # of the final norm: a copied word should win against 8,000 others from the start


@torch.no_grad()
def wire_copying(model: Qwen3ForCausalLM) -> None:
    """Overwrite parts of layers 0 and 2 and of the embedding; a model too small for that is left as it is."""
    config = model.config
    if config.num_hidden_layers < 3 or config.hidden_size < 3 * config.head_dim + 1:
        return
    size, groups = config.head_dim, config.num_attention_heads // config.num_key_value_heads
    layers = model.model.layers
    for layer in layers:
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
    word = slice(1, 1 + 2 * size)  # where the embedding names the word
    before = slice(1 + 2 * size, 1 + 3 * size)  # where the previous word is written, empty in the embedding
    embedding = model.model.embed_tokens.weight
    embedding[:, 0], embedding[:, before] = CONSTANT, 0.0
    frequencies = config.rope_parameters["rope_theta"] ** (-torch.arange(0, size, 2) / size)
    _previous_token_head(layers[0].self_attn, word, before, frequencies, size=size)
    kv_heads = min(2, config.num_key_value_heads)
    for kv in range(kv_heads):
        _induction_head(layers[2].self_attn, word, before, kv=kv, head=kv * groups, size=size)
    layers[2].self_attn.q_norm.weight.fill_(MATCH_SHARPNESS)
    model.model.norm.weight.fill_(OUTPUT_SCALE)


def _previous_token_head(
    attention: Qwen3Attention, word: slice, before: slice, frequencies: Tensor, *, size: int
) -> None:
    """Query and key are constants whose rotations agree one position apart; the value is the word there."""
    sharp = 5  # the fastest rotations tell neighbours apart
    half = size // 2
    query, key = attention.q_proj.weight, attention.k_proj.weight
    query[:size], key[:size] = 0.0, 0.0
    query[:sharp, 0] = torch.cos(frequencies[:sharp])
    query[half : half + sharp, 0] = -torch.sin(frequencies[:sharp])
    key[:sharp, 0] = 1.0
    attention.q_norm.weight[:sharp] = PREVIOUS_SHARPNESS
    attention.q_norm.weight[half : half + sharp] = PREVIOUS_SHARPNESS
    channels = torch.arange(size)
    attention.v_proj.weight[:size] = 0.0
    attention.v_proj.weight[channels, word.start + channels] = 1.0
    attention.o_proj.weight[before.start + channels, channels] = WRITE_PREVIOUS


def _induction_head(attention: Qwen3Attention, word: slice, before: slice, *, kv: int, head: int, size: int) -> None:
    """Looks for places whose previous word is the current word, and copies the word that stands there."""
    half, slow = size // 2, size * 7 // 32  # rotations slow enough to compare words a thousand tokens apart
    rows = torch.cat([torch.arange(slow, half), torch.arange(half + slow, size)])
    directions = torch.linalg.qr(torch.randn(size, len(rows)))[0].T  # [rows, size]
    query = attention.q_proj.weight[head * size : (head + 1) * size]
    key = attention.k_proj.weight[kv * size : (kv + 1) * size]
    query.zero_()
    key.zero_()
    query[rows, word.start : word.start + size] = directions
    key[rows, before] = directions
    channels = torch.arange(size)
    source = word.start + kv * size + channels
    attention.v_proj.weight[kv * size : (kv + 1) * size] = 0.0
    attention.v_proj.weight[kv * size + channels, source] = 1.0
    attention.o_proj.weight[source, head * size + channels] = WRITE_COPY
