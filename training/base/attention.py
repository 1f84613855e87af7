"""Attention for pretraining, in which a token sees its page and its own branch only.

On a CPU: products and softmaxes, some queries at a time. Forward and backward take a third of what the fused CPU
kernel takes under a dense mask (rows of 320 to 2,800 tokens, two cores): a chunk of queries leaves out the keys
behind it. Scores have the model's precision. On a GPU: FlexAttention, which leaves out all blocks of 128 by 128
tokens that see nothing of each other, in layers compiled for the one shape that all batches have.
"""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, flex_attention
from transformers import AttentionInterface, Qwen3ForCausalLM

from training.base.batches import Batch

CHUNKED, FLEX = "chunked", "branches"
CHUNK = 256  # queries
BLOCK = 128  # tokens


@contextlib.contextmanager
def fast(model: Qwen3ForCausalLM, *, on_gpu: bool) -> Iterator[None]:
    """Within it the model attends as its device does best; afterwards it is as it was."""
    before = model.config._attn_implementation
    model.set_attn_implementation(FLEX if on_gpu else CHUNKED)
    layers = model.model.layers if on_gpu else ()
    for layer in layers:  # all are one program, built once; hooks on a layer stay outside of it
        layer.forward = torch.compile(layer.forward, dynamic=False)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward
        model.set_attn_implementation(before)


def mask(model: Qwen3ForCausalLM, batch: Batch) -> Tensor | dict[str, BlockMask]:
    """What the model's attention takes for `batch`: an additive mask [lines, 1, tokens, tokens], or blocks."""
    if model.config._attn_implementation == FLEX:
        return {"full_attention": _block_mask(batch.owners, batch.pages)}
    bias = torch.zeros((), dtype=model.dtype, device=batch.ids.device)
    return bias.where(batch.visible[:, None], torch.finfo(model.dtype).min)


def _block_mask(owners: Tensor, pages: Tensor) -> BlockMask:
    """`Batch.visible` for FlexAttention.

    Which blocks are looked into follows from the first and last owner of each, as owners ascend along a line. Comparing
    all tokens with all, as `create_block_mask` does, writes gigabytes a batch.
    """

    def sees(line: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        owner = owners[line, key]
        return (key <= query) & ((owner == owners[line, query]) | (owner == pages[line, query]))

    first, last = _ends(owners)
    first_page, last_page = _ends(pages)
    own = (first[:, :, None] <= last[:, None, :]) & (first[:, None, :] <= last[:, :, None])
    read = (first_page[:, :, None] <= last[:, None, :]) & (first[:, None, :] <= last_page[:, :, None])
    single = (first_page == last_page)[:, :, None] & (first == last)[:, None, :]
    whole = (single & (first_page[:, :, None] == first[:, None, :])).tril(-1)  # every query sees every key
    partly = (own | read).tril() & ~whole
    return BlockMask.from_kv_blocks(*_listed(partly), *_listed(whole), BLOCK_SIZE=BLOCK, mask_mod=sees)


def _ends(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the greatest number in each block: [lines, tokens] -> twice [lines, blocks]."""
    blocks = numbers.view(len(numbers), -1, BLOCK)
    return blocks.amin(-1), blocks.amax(-1)


def _listed(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """[lines, query blocks, key blocks] of yes and no -> how many each query block has, and which first."""
    chosen = blocks[:, None].int()  # for all heads alike
    return chosen.sum(-1, dtype=torch.int32), chosen.argsort(dim=-1, descending=True, stable=True).int()


def flex(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: BlockMask, scaling: float, **_: object
) -> tuple[Tensor, None]:
    """As `chunked`, under blocks. Fast in a compiled layer only."""
    read = flex_attention(query, key, value, block_mask=attention_mask, scale=scaling, enable_gqa=True)
    return read.transpose(1, 2).contiguous(), None


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


AttentionInterface.register(CHUNKED, chunked)
AttentionInterface.register(FLEX, flex)
