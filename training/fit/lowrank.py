"""A linear layer and its adapter as one differentiable step: four small products instead of some twenty passes.

PEFT computes the adapter in fp32 beside a bf16 base: every input and output is converted and kept. Here the products
are computed in the base's type, as serving does, and only the input is kept. Called by attention.prepare.
"""

from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor
from torch.nn import functional as F


def fuses(module: Linear) -> bool:
    """Whether the module is what `LowRank` computes: one plain adapter without dropout or bias."""
    adapter = module.active_adapters
    return (
        len(adapter) == 1
        and isinstance(module.lora_dropout[adapter[0]], torch.nn.Identity)
        and not module.use_dora.get(adapter[0], False)
        and not module.lora_bias.get(adapter[0], False)
        and module.get_base_layer().bias is None
    )


def fused_forward(module: Linear, x: Tensor, *_: Any, **__: Any) -> Tensor:
    """In place of `module.forward`. x [1, tokens, in] -> [1, tokens, out]."""
    weight = module.get_base_layer().weight
    if module.disable_adapters:
        return F.linear(x, weight)
    name = module.active_adapters[0]
    a, b = module.lora_A[name].weight, module.lora_B[name].weight
    y: Tensor = LowRank.apply(x[0], weight, a, b, module.scaling[name])  # type: ignore[no-untyped-call]
    return y[None]


class LowRank(torch.autograd.Function):
    """x [tokens, in] -> x W^T + scaling (x A^T) B^T, [tokens, out]. W [out, in] is frozen, A [r, in], B [out, r]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, a: Tensor, b: Tensor, scaling: float) -> Tensor:
        down, up = a.to(x.dtype), (b * scaling).to(x.dtype)
        inner = x @ down.mT
        ctx.save_for_backward(x, weight, down, up, inner)
        ctx.scaling, ctx.types = scaling, (a.dtype, b.dtype)
        return F.linear(x, weight).addmm_(inner, up.mT)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, down, up, inner = ctx.saved_tensors
        inner_grad = grad @ up
        x_grad = (grad @ weight).addmm_(inner_grad, down) if ctx.needs_input_grad[0] else None
        a_grad = (inner_grad.mT @ x).to(ctx.types[0])
        b_grad = (grad.mT @ inner).to(ctx.types[1]).mul_(ctx.scaling)
        return x_grad, None, a_grad, b_grad, None
