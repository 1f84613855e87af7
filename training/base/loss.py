"""Cross-entropy over the whole vocabulary, some tokens at a time: the logits of a batch never lie in memory at once.

A tenth of a pretraining step on a CPU went into writing and reading them in float32; an eighth of one on a GPU, where
a chunk is one compiled program now. Called by `pretrain`.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK, GPU_CHUNK = 512, 16_384  # tokens


class _CrossEntropy(torch.autograd.Function):
    """Works gradients out together with the loss, while a chunk's logits are at hand."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        loss = hidden.new_zeros((), dtype=torch.float32)
        of_hidden, of_head = torch.empty_like(hidden), torch.zeros_like(head, dtype=torch.float32)
        chunk, work_out = (CHUNK, _chunk) if hidden.device.type == "cpu" else (GPU_CHUNK, _compiled_chunk())
        for start in range(0, len(hidden), chunk):
            part = slice(start, start + chunk)
            nats, slopes = work_out(hidden[part], head, targets[part], weights[part])
            loss += nats
            of_hidden[part] = slopes @ head
            of_head += slopes.T @ hidden[part]
        ctx.save_for_backward(of_hidden, of_head.to(head.dtype))
        return loss

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor, None, None]:
        of_hidden, of_head = ctx.saved_tensors
        return of_hidden * slope, of_head * slope, None, None


def _chunk(hidden: Tensor, head: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of some tokens, and its gradient for their logits in the precision of `hidden`."""
    wanted = targets[:, None]
    shares = F.linear(hidden, head).float().log_softmax(dim=-1)
    nats = -(shares.gather(1, wanted)[:, 0] @ weights)
    shares.exp_().scatter_add_(1, wanted, shares.new_full(wanted.shape, -1.0)).mul_(weights[:, None])
    return nats, shares.to(hidden.dtype)


@functools.cache
def _compiled_chunk() -> Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """One program for any number of tokens, as the last chunk of a batch is shorter."""
    return torch.compile(_chunk, dynamic=True)


def weighted_cross_entropy(hidden: Tensor, head: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Sum of `weights` [tokens] times the nats of `targets` [tokens], from `hidden` [tokens, channels] and the output
    matrix `head` [vocabulary, channels].
    """
    loss: Tensor = _CrossEntropy.apply(hidden, head, targets, weights)  # type: ignore[no-untyped-call]
    return loss
