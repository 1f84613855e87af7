"""Attention of rows that stand one behind another, each over KV that was read before: its page, earlier turns.

Called by prefix. What was read before is frozen: several rows use the same tensors, which are neither copied nor
padded, and no gradient is computed for them.
"""

from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from server.errors import BaseError

Layers = list[tuple[Tensor, Tensor]]  # keys and values of each layer, [1, kv heads, tokens, head dim]
NAME = "retinue_segments"


@dataclass(frozen=True, slots=True)
class Segment:
    """Tokens `start:stop` of the line are one row. It reads the KV in `before`, then its own.

    With `own` the row's KV is kept there and read by later tokens of the row, as decoding needs it.
    """

    start: int
    stop: int
    before: tuple[Layers, ...] = ()
    own: Layers | None = None


def prepare(model: PeftModel) -> None:
    """From here on the model takes segments only, and the adapter acts on every token while it is enabled.

    So an activated adapter becomes a plain one: whoever calls gives it the turn and the answer and nothing else.
    """
    base = model.get_base_model()
    if base.config._attn_implementation == NAME:
        return
    AttentionInterface.register(NAME, attend)
    base.config._attn_implementation = NAME
    for module in model.modules():
        getattr(module, "lora_variant", {}).clear()


def attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: object, *,
    scaling: float, segments: tuple[Segment, ...], **others: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """As transformers calls it: query [1, heads, tokens, dim], key and value [1, kv heads, tokens, dim].

    Returns [1, tokens, heads, dim]. Raises BaseError (`base_unsupported`) for attention that is not plain softmax.
    """
    if others.get("softcap") or others.get("s_aux") is not None:
        raise BaseError(
            "This base caps its attention or has attention sinks: neither is supported.", code="base_unsupported"
        )
    layer, found = int(module.layer_idx), []  # type: ignore[arg-type]
    for segment in segments:
        rows = slice(segment.start, segment.stop)
        own = _with_earlier(segment, layer, key[:, :, rows], value[:, :, rows])
        before = [layers[layer] for layers in segment.before]
        found.append(_row(query[:, :, rows], before, own, scaling))
    return torch.cat(found, dim=2).transpose(1, 2), None


def _with_earlier(segment: Segment, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """The row's own keys and values, with those of its tokens before these."""
    if segment.own is None:
        return key, value
    if layer < len(segment.own):
        key, value = (torch.cat(pair, dim=2) for pair in zip(segment.own[layer], (key, value), strict=True))
    segment.own[layer : layer + 1] = [(key, value)]
    return key, value


def _row(query: Tensor, before: Layers, own: tuple[Tensor, Tensor], scaling: float) -> Tensor:
    """One row. query [1, heads, new, dim]; the new tokens are the last of `own`. Returns [1, heads, new, dim]."""
    key, value = own
    _, heads, new, dim = query.shape
    kv_heads, tokens = key.shape[1], key.shape[2]
    if not before and new == tokens:
        return scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling, enable_gqa=True)
    grouped = (query * scaling).reshape(kv_heads, heads // kv_heads * new, dim)  # heads of one KV head side by side
    scores = grouped @ key[0].mT
    if new > 1:
        later = torch.ones(new, tokens, dtype=torch.bool, device=query.device).triu(tokens - new + 1)
        scores = scores.view(kv_heads, -1, new, tokens).masked_fill(later, -torch.inf).view(kv_heads, -1, tokens)
    parts = [*(grouped @ keys[0].mT for keys, _ in before), scores]
    weights = torch.cat(parts, dim=-1).softmax(dim=-1).split_with_sizes([part.shape[-1] for part in parts], dim=-1)
    values = [*(values[0] for _, values in before), value[0]]
    mixed = torch.stack([weight @ part for weight, part in zip(weights, values, strict=True)]).sum(dim=0)
    return mixed.view(1, heads, new, dim)
