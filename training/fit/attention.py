"""Attention of concatenated rows, each over KV that was computed before: its page, earlier turns.

Called by prefix. What was read before is frozen: several rows use the same tensors, which are neither copied nor
padded, and no gradient is computed for them.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from server.errors import BaseError
from training.fit.lowrank import fused_forward, fuses

Layers = list[tuple[Tensor, Tensor]]  # keys and values of each layer, [1, kv heads, tokens, head dim]
NAME = "retinue_row_spans"


@dataclass(frozen=True, slots=True)
class RowSpan:
    """Tokens `start:stop` of the line are one row. It reads the KV in `before`, then its own.

    With `own` the row's KV is kept there and read by later tokens of the row, as decoding needs it.
    """

    start: int
    stop: int
    before: tuple[Layers, ...] = ()
    own: Layers | None = None


def prepare(model: PeftModel) -> None:
    """From here on the model takes spans only, and the adapter acts on every token while it is enabled.

    So an activated adapter becomes a plain one: whoever calls gives it the turn and the answer and nothing else.
    """
    base = model.get_base_model()
    if base.config._attn_implementation == NAME:
        return
    AttentionInterface.register(NAME, attend)
    base.config._attn_implementation = NAME
    for module in model.modules():
        getattr(module, "lora_variant", {}).clear()
        if isinstance(module, LoraLinear) and fuses(module):
            module.forward = partial(fused_forward, module)


def attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: object, *,
    scaling: float, spans: tuple[RowSpan, ...], **others: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """As transformers calls it: query [1, heads, tokens, dim], key and value [1, kv heads, tokens, dim].

    Returns [1, tokens, heads, dim]. Raises BaseError (`base_unsupported`) for attention that is not plain softmax.
    """
    if others.get("softcap") or others.get("s_aux") is not None:
        raise BaseError(
            "This base caps its attention or has attention sinks: neither is supported.", code="base_unsupported"
        )
    layer, found = int(module.layer_idx), []  # type: ignore[arg-type]
    for span in spans:
        rows = slice(span.start, span.stop)
        own = _with_earlier(span, layer, key[:, :, rows], value[:, :, rows])
        before = [layers[layer] for layers in span.before]
        found.append(_row(query[:, :, rows], before, own, scaling))
    return torch.cat(found, dim=2).transpose(1, 2), None


def _with_earlier(span: RowSpan, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """The row's own keys and values, with those of its tokens before these."""
    if span.own is None:
        return key, value
    if layer < len(span.own):
        key, value = (torch.cat(pair, dim=2) for pair in zip(span.own[layer], (key, value), strict=True))
    span.own[layer : layer + 1] = [(key, value)]
    return key, value


def _row(query: Tensor, before: Layers, own: tuple[Tensor, Tensor], scaling: float) -> Tensor:
    """One row. query [1, heads, new, dim]; the new tokens are the last of `own`. Returns [1, heads, new, dim]."""
    key, value = own
    new, tokens = query.shape[2], key.shape[2]
    if not before and new == tokens:
        return scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling, enable_gqa=True)
    if query.device.type == "cpu" and new == tokens and before:
        frozen = before[0] if len(before) == 1 else tuple(torch.cat(part, dim=2) for part in zip(*before, strict=True))
        mixed: Tensor = FrozenPageAttention.apply(query, *frozen, key, value, scaling)  # type: ignore[no-untyped-call]
        return mixed
    return _in_one_piece(query, before, own, scaling)


def _in_one_piece(query: Tensor, before: Layers, own: tuple[Tensor, Tensor], scaling: float) -> Tensor:
    """The same on any device, for any number of parts; every score is kept for the backward pass."""
    key, value = own
    _, heads, new, dim = query.shape
    kv_heads, tokens = key.shape[1], key.shape[2]
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


class FrozenPageAttention(torch.autograd.Function):
    """One row over one frozen page, on a CPU: both parts by flash attention, merged by their log-sum-exp.

    Scores are computed again in the backward pass instead of being kept, and the page gets no gradient.
    query, key, value: [1, heads or kv heads, new, dim]; page_key, page_value: [1, kv heads, page tokens, dim].
    (Dao et al. 2022, FlashAttention: the backward pass needs the output and the log-sum-exp only.)
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, page_key: Tensor, page_value: Tensor, key: Tensor, value: Tensor, scaling: float
    ) -> Tensor:
        flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        _, heads, new, dim = query.shape
        kv_heads = key.shape[1]
        grouped = query.reshape(1, kv_heads, heads // kv_heads * new, dim)
        read, read_sum = flash(grouped, page_key, page_value, 0.0, False, attn_mask=None, scale=scaling)
        keys, values = (part.repeat_interleave(heads // kv_heads, dim=1) for part in (key, value))
        own, own_sum = flash(query, keys, values, 0.0, True, attn_mask=None, scale=scaling)
        read_sum = read_sum.reshape(own_sum.shape)
        total = torch.logaddexp(read_sum, own_sum)
        share = torch.exp(own_sum - total).unsqueeze(-1).to(query.dtype)
        out = torch.lerp(read.reshape(query.shape), own, share)
        ctx.save_for_backward(query, page_key, page_value, key, value, out, total)
        ctx.scaling = scaling
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, page_key, page_value, key, value, out, total = ctx.saved_tensors
        kv_heads, (heads, new, dim) = key.shape[1], query.shape[1:]
        folded = (kv_heads, heads // kv_heads * new, dim)  # heads of one KV head one below another
        asked, given = (query * ctx.scaling).reshape(folded), grad.reshape(folded)
        total = total.reshape(*folded[:2], 1)
        delta = (grad.float() * out.float()).sum(-1).reshape(*folded[:2], 1)
        _, page_change = _score_gradient(asked, given, page_key[0], page_value[0], total, delta)
        later = torch.ones(new, new, dtype=torch.bool).triu(1).repeat(heads // kv_heads, 1)
        weights, change = _score_gradient(asked, given, key[0], value[0], total, delta, later)
        query_grad = torch.baddbmm(torch.bmm(page_change, page_key[0]), change, key[0]).mul_(ctx.scaling)
        key_grad, value_grad = torch.bmm(change.mT, asked), torch.bmm(weights.mT, given)
        return query_grad.reshape(query.shape), None, None, key_grad[None], value_grad[None], None


def _score_gradient(
    query: Tensor, grad: Tensor, key: Tensor, value: Tensor, total: Tensor, delta: Tensor, later: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Attention weights and the gradient of the scores, [kv heads, rows, tokens]; `later` [rows, tokens] is masked.

    What is to be subtracted from each row goes through the product, as two more columns: twice as fast as by itself.
    """
    ones = key.new_ones(*key.shape[:-1], 2)
    weights = torch.bmm(_less(query, total), torch.cat([key, ones], dim=-1).mT).exp_()
    if later is not None:
        weights.masked_fill_(later, 0.0)
    return weights, torch.bmm(_less(grad, delta), torch.cat([value, ones], dim=-1).mT).mul_(weights)


def _less(rows: Tensor, taken: Tensor) -> Tensor:
    """Rows with `taken` [.., rows, 1], fp32, negated and in two parts of their type: its head, and what that leaves."""
    head = (-taken).to(rows.dtype)
    return torch.cat([rows, head, (-taken - head.float()).to(rows.dtype)], dim=-1)
