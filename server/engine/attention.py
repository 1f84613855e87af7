"""Ragged attention over shared segments, registered with transformers: any decoder that uses its interface works.

A step packs the new tokens of all rows into one sequence [1, tokens]. Each row attends to its own path of
segments and its own tail, never to another row. Rows that share a segment attend to it in one call; the parts
of a row are merged by their log-sum-exp (exact up to rounding).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface

from server.engine.kvcache import Segment, Tail

NAME = "retinue_ragged"


@dataclass(slots=True)
class RowSpan:
    """Tokens [start, end) of the packed step belong to one row. Its new KV goes behind `tail.length`."""

    start: int
    end: int
    path: list[Segment]
    tail: Tail


class Step:
    """What one packed forward attends to. Built once a step, read by every layer."""

    def __init__(self, rows: list[RowSpan], device: torch.device) -> None:
        self.rows = rows
        self.masks = [_tail_mask(row, device) for row in rows]
        readers: dict[int, tuple[Segment, list[int]]] = {}
        for row in rows:
            for segment in row.path:
                readers.setdefault(id(segment), (segment, []))[1].extend(range(row.start, row.end))
        self.shared = [(segment, torch.tensor(tokens, device=device)) for segment, tokens in readers.values()]


def ragged_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    step: Step,
    **ignored: object,
) -> tuple[Tensor, None]:
    """query [1, heads, tokens, dim], key and value [1, kv heads, tokens, dim] -> [1, tokens, heads, dim]."""
    _, heads, tokens, dim = query.shape
    kv_heads, layer = key.shape[1], int(module.layer_idx)  # type: ignore[arg-type]
    grouped = query[0].view(kv_heads, heads // kv_heads, tokens, dim)
    out = torch.empty_like(grouped, dtype=torch.float32)
    lse = torch.empty(grouped.shape[:3], dtype=torch.float32, device=query.device)
    for row, mask in zip(step.rows, step.masks, strict=True):
        new = slice(row.tail.length, row.tail.length + row.end - row.start)
        row.tail.keys[layer, :, new] = key[0, :, row.start : row.end]
        row.tail.values[layer, :, new] = value[0, :, row.start : row.end]
        tail_keys, tail_values = row.tail.keys[layer, :, : new.stop], row.tail.values[layer, :, : new.stop]
        part = _attend(grouped[:, :, row.start : row.end], tail_keys, tail_values, scale=scaling, mask=mask)
        out[:, :, row.start : row.end], lse[:, :, row.start : row.end] = part
    for segment, index in step.shared:
        part_out, part_lse = _attend(
            grouped[:, :, index], segment.keys[layer], segment.values[layer], scale=scaling, mask=None
        )
        out[:, :, index], lse[:, :, index] = _merge(out[:, :, index], lse[:, :, index], part_out, part_lse)
    return out.view(1, heads, tokens, dim).transpose(1, 2).to(query.dtype), None


def _attend(
    query: Tensor, key: Tensor, value: Tensor, *, scale: float | None, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """query [kv, group, tokens, dim] over key, value [kv, keys, dim] -> out, log-sum-exp [kv, group, tokens].

    The query heads of a group become query positions, so K and V are read once and never expanded.
    """
    kv_heads, group, tokens, dim = query.shape
    folded = query.reshape(1, kv_heads, group * tokens, dim)
    mask = None if mask is None else mask.repeat(group, 1)
    if query.device.type == "cpu":
        out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            folded, key[None], value[None], attn_mask=mask, scale=scale
        )
        if lse.shape[1] != kv_heads:
            lse = lse.transpose(1, 2)
    else:
        out, lse = _attend_plainly(folded, key[None], value[None], scale=scale, mask=mask)
    return out.float().view(kv_heads, group, tokens, dim), lse.float().reshape(kv_heads, group, tokens)


def _attend_plainly(
    query: Tensor, key: Tensor, value: Tensor, *, scale: float | None, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    scores = (query @ key.transpose(-1, -2)).float() * (scale or query.shape[-1] ** -0.5)
    if mask is not None:
        scores = scores + mask
    return F.softmax(scores, dim=-1).to(value.dtype) @ value, torch.logsumexp(scores, dim=-1)


def _merge(out: Tensor, lse: Tensor, other_out: Tensor, other_lse: Tensor) -> tuple[Tensor, Tensor]:
    """Two attention results over different keys as one (Milakov & Gimelshein 2018, online softmax)."""
    weight = torch.sigmoid(lse - other_lse).unsqueeze(-1)
    return out * weight + other_out * (1 - weight), torch.logaddexp(lse, other_lse)


def _tail_mask(row: RowSpan, device: torch.device) -> Tensor | None:
    """Causal inside the tail [new tokens, tail tokens]; None for one token, which sees everything."""
    new = row.end - row.start
    if new == 1:
        return None
    mask = torch.full((new, row.tail.length + new), float("-inf"), device=device)
    return mask.triu_(row.tail.length + 1)


AttentionInterface.register(NAME, ragged_attention)
AttentionMaskInterface.register(NAME, lambda *args, **kwargs: None)
