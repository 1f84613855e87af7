"""Attention for pretraining on a CPU: products and softmaxes, some queries at a time.

Forward and backward take a third of what the fused CPU kernel takes under a dense mask (rows of 320 to 2,800
tokens, two cores): a chunk of queries leaves out the keys behind it. Scores have the model's precision.
"""

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

NAME = "chunked"
CHUNK = 256  # queries


def chunked(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, scaling: float, **_: object
) -> tuple[Tensor, None]:
    """Causal attention under an additive mask [rows, 1, tokens, tokens] that hides what is behind.

    `query` is [rows, heads, tokens, channels], `key` and `value` have fewer heads. Gives [rows, tokens, heads,
    channels] and no weights.
    """
    rows, heads, tokens, channels = query.shape
    groups = key.shape[1]
    queries = (query * scaling).view(rows, groups, -1, tokens, channels)
    keys = key.reshape(rows * groups, tokens, channels).transpose(1, 2)
    values = value.reshape(rows * groups, tokens, channels)
    read = []
    for start in range(0, tokens, CHUNK):
        end = min(tokens, start + CHUNK)
        asked = queries[:, :, :, start:end].reshape(rows * groups, -1, channels)
        scores = torch.bmm(asked, keys[:, :, :end]).view(rows, heads, -1, end)
        shares = scores.add_(attention_mask[:, :, start:end, :end]).softmax(dim=-1)
        found = torch.bmm(shares.view(rows * groups, -1, end), values[:, :end])
        read.append(found.view(rows, heads, -1, channels))
    return torch.cat(read, dim=2).transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, chunked)
