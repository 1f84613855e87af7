"""Ragged attention over shared segments: one packed sequence of the new tokens of all rows.

Each row attends to its own path of segments and its own tail, never to another row. Rows that share a segment
attend to it in one call, rows that decode attend to their tails in one call a slab; the parts of a row are merged
by their log-sum-exp (exact up to rounding). `decoder` calls `attend`; transformers models reach it through
`AttentionInterface`, so any decoder that uses that interface works.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface

from server.engine.local.forward.tails import Slab, Tail
from server.engine.local.kvcache import Segment

NAME = "retinue_ragged"

# On a CPU two products with a softmax between them beat the fused kernel about twice, from so many scores of a head on.
PRODUCTS_SCORES_MIN = 24_000
PRODUCTS_SCORES_MAX = 2**19  # of all heads at a time: 2 MiB in fp32, which a core's cache holds

Index = slice | Tensor


@dataclass(slots=True)
class RowSpan:
    """Tokens [start, end) of the packed step belong to one row. Its new KV goes after `tail.length`."""

    start: int
    end: int
    path: list[Segment]
    tail: Tail


class Step:
    """What one packed forward attends to. Built once a step, read by every layer."""

    def __init__(self, rows: list[RowSpan], device: torch.device) -> None:
        singles: dict[int, list[RowSpan]] = {}
        readers: dict[int, tuple[Segment, list[int]]] = {}
        self.tails: list[_Run | _Singles] = []
        for row in rows:
            if row.end - row.start == 1:
                singles.setdefault(row.tail.slab.capacity, []).append(row)
            else:
                self.tails.append(_Run(row, device))
            for segment in row.path:
                readers.setdefault(id(segment), (segment, []))[1].extend(range(row.start, row.end))
        self.tails += [_Singles(rows, device) if len(rows) > 1 else _Run(rows[0], device) for rows in singles.values()]
        self.shared = [(segment, _index(tokens, device)) for segment, tokens in readers.values()]


class _Run:
    """The new tokens of one row, over its own tail."""

    def __init__(self, row: RowSpan, device: torch.device) -> None:
        self.tokens, self._tail = slice(row.start, row.end), row.tail
        new = row.end - row.start
        self._new = slice(row.tail.length, row.tail.length + new)
        self._mask: Tensor | None = None
        if new > 1:
            self._mask = torch.full((new, new), float("-inf"), device=device).triu_(1)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        slab, slot = self._tail.slab, self._tail.slot
        keys, values = slab.keys[layer, slot], slab.values[layer, slot]
        keys[:, self._new] = key[self.tokens].transpose(0, 1)
        values[:, self._new] = value[self.tokens].transpose(0, 1)
        end = self._new.stop
        return _over(query[self.tokens], keys[:, :end], values[:, :end], scale=scale, mask=self._mask)


class _Singles:
    """One new token each of the rows of one slab: the slots are the batch."""

    def __init__(self, rows: list[RowSpan], device: torch.device) -> None:
        self._slab: Slab = rows[0].tail.slab
        self.tokens = _index([row.start for row in rows], device)
        slots, ends = [row.tail.slot for row in rows], [row.tail.length + 1 for row in rows]
        self._slots = torch.tensor(slots, device=device)
        self._places = torch.tensor(ends, device=device) - 1
        self._used, self._longest = max(slots) + 1, max(ends)
        self._dense = slots == list(range(len(slots)))
        mask = torch.full((self._used, 1, 1, self._longest), float("-inf"), device=device)
        mask[..., 0] = 0  # slots of other rows are computed along and dropped: they must see something
        for slot, end in zip(slots, ends, strict=True):
            mask[slot, ..., :end] = 0
        self._mask = mask

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        keys, values = self._slab.keys[layer], self._slab.values[layer]
        keys[self._slots, :, self._places] = key[self.tokens]
        values[self._slots, :, self._places] = value[self.tokens]
        mine = query[self.tokens]
        batch = mine if self._dense else mine.new_zeros(self._used, *mine.shape[1:]).index_copy_(0, self._slots, mine)
        held = slice(0, self._used), slice(None), slice(0, self._longest)
        out, lse = _flash(batch, keys[held], values[held], scale=scale, mask=self._mask)
        return (out, lse) if self._dense else (out[self._slots], lse[self._slots])


def attend(layer: int, query: Tensor, key: Tensor, value: Tensor, *, step: Step, scale: float) -> Tensor:
    """query [tokens, heads, dim], key and value [tokens, kv heads, dim] -> [tokens, heads, dim]. Writes the tails."""
    tokens, heads, dim = query.shape
    kv_heads = key.shape[1]
    grouped = query.view(tokens, kv_heads, heads // kv_heads, dim)
    if len(step.tails) == 1 and step.tails[0].tokens == slice(0, tokens):
        out, lse = step.tails[0].attend(layer, grouped, key, value, scale)
        if step.shared:
            out = out.float()
    else:
        out = torch.empty(grouped.shape, dtype=torch.float32, device=query.device)
        lse = torch.empty(grouped.shape[:3], dtype=torch.float32, device=query.device)
        for tail in step.tails:
            part, part_lse = tail.attend(layer, grouped, key, value, scale)
            out[tail.tokens], lse[tail.tokens] = part.float(), part_lse
    for segment, index in step.shared:
        part, part_lse = _over(grouped[index], segment.keys[layer], segment.values[layer], scale=scale, mask=None)
        whole = isinstance(index, slice) and index == slice(0, tokens)
        mine, mine_lse = (out, lse) if whole else (out[index], lse[index])
        merged = torch.lerp(part.float(), mine, torch.sigmoid(mine_lse - part_lse).unsqueeze(-1))
        merged_lse = torch.logaddexp(mine_lse, part_lse)
        if whole:
            out, lse = merged, merged_lse
        else:
            out[index], lse[index] = merged, merged_lse
    return out.to(query.dtype).reshape(tokens, heads, dim)


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
    out = attend(
        int(module.layer_idx),  # type: ignore[arg-type]
        query[0].transpose(0, 1).contiguous(),
        key[0].transpose(0, 1),
        value[0].transpose(0, 1),
        step=step,
        scale=scaling or query.shape[-1] ** -0.5,
    )
    return out[None], None


def _over(query: Tensor, key: Tensor, value: Tensor, *, scale: float, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """query [tokens, kv, group, dim] over key, value [kv, keys, dim].

    mask [tokens, tokens] is for the last keys, which are those of the tokens themselves. The query heads of a group
    become query positions, so K and V are read once and never expanded.
    Returns out [tokens, kv, group, dim] and the log-sum-exp [tokens, kv, group].
    """
    tokens, kv_heads, group, dim = query.shape
    if tokens == 1:
        return _flash(query, key[None], value[None], scale=scale, mask=None)
    folded = query.transpose(0, 1).reshape(kv_heads, tokens * group, dim)
    if query.device.type == "cpu" and tokens * group * key.shape[1] >= PRODUCTS_SCORES_MIN:
        out, lse = _products(folded, key, value, scale=scale, mask=mask, group=group)
    else:
        if mask is not None:
            mask = F.pad(mask, (key.shape[1] - tokens, 0)).repeat_interleave(group, dim=0)[None, None]
        out, lse = (one[0] for one in _flash(folded[None], key[None], value[None], scale=scale, mask=mask))
    return (
        out.view(kv_heads, tokens, group, dim).transpose(0, 1),
        lse.reshape(kv_heads, tokens, group).transpose(0, 1),
    )


def _flash(query: Tensor, key: Tensor, value: Tensor, *, scale: float, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """query [rows, kv, positions, dim], key and value [rows, kv, keys, dim] -> out, log-sum-exp in fp32."""
    if query.device.type == "cpu":
        out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, attn_mask=mask, scale=scale
        )
        return out, lse
    scores = (query @ key.transpose(-1, -2)).float() * scale
    if mask is not None:
        scores = scores + mask
    return F.softmax(scores, dim=-1).to(value.dtype) @ value, torch.logsumexp(scores, dim=-1)


def _products(
    query: Tensor, key: Tensor, value: Tensor, *, scale: float, mask: Tensor | None, group: int
) -> tuple[Tensor, Tensor]:
    """query [kv, tokens * group, dim] over key, value [kv, keys, dim], some tokens at a time; mask as in `_over`.

    Keys after the last of those tokens are ignored. Scores of bf16 queries are rounded to bf16 before the
    softmax, as in the eager attention of transformers.
    """
    kv_heads, positions, _ = query.shape
    keys, tokens = key.shape[1], positions // group
    size = max(8, PRODUCTS_SCORES_MAX // (kv_heads * group * keys))
    parts = []
    for first in range(0, tokens, size):
        last = min(tokens, first + size)
        seen = keys if mask is None else keys - tokens + last
        scores = torch.bmm(query[:, first * group : last * group], key[:, :seen].transpose(1, 2)).float().mul_(scale)
        if mask is not None:
            scores[..., seen - (last - first) :] += mask[first:last, first:last].repeat_interleave(group, dim=0)
        weights = scores.softmax(dim=-1)
        lse = scores.amax(dim=-1) - weights.amax(dim=-1).log()
        parts.append((torch.bmm(weights.to(value.dtype), value[:, :seen]), lse))
    if len(parts) == 1:
        return parts[0]
    out, lse = (torch.cat(side, dim=1) for side in zip(*parts, strict=True))
    return out, lse


def _index(tokens: list[int], device: torch.device) -> Index:
    """A slice where the tokens follow one another: it needs no copy."""
    if tokens == list(range(tokens[0], tokens[0] + len(tokens))):
        return slice(tokens[0], tokens[0] + len(tokens))
    return torch.tensor(tokens, device=device)


AttentionInterface.register(NAME, ragged_attention)
AttentionMaskInterface.register(NAME, lambda *args, **kwargs: None)
