"""The frozen part of the prompts: its KV is computed once by the base alone and reused by every step.

Called by fit and evaluate. Rows of a batch may have different pages: keys and values are padded on the
left, so are the suffixes; attention masks and explicit positions keep the arithmetic of the full pass.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from training.render import IGNORED, Rendered

Layers = list[tuple[Tensor, Tensor]]  # keys and values of each layer, [rows, kv heads, tokens, head dim]
CACHE_BYTES_MAX = 2 * 1024**3


class PrefixCache:
    """KV by token ids, the least recently used dropped above `bytes_max`."""

    def __init__(self, model: PeftModel, *, bytes_max: int = CACHE_BYTES_MAX) -> None:
        self._model, self._bytes_max = model, bytes_max
        self._kept: OrderedDict[tuple[int, ...], Layers] = OrderedDict()
        self._bytes = 0

    def layers(self, ids: tuple[int, ...]) -> Layers:
        """KV of one prefix, one row each. The adapter is disabled while it is computed."""
        if ids in self._kept:
            self._kept.move_to_end(ids)
            return self._kept[ids]
        with torch.no_grad(), self._model.disable_adapter():
            cache = DynamicCache(config=self._model.get_base_model().config)
            tokens = torch.tensor([ids], device=self._model.device)
            self._model.get_base_model()(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
        found = [(layer.keys, layer.values) for layer in cache.layers]
        self._kept[ids] = found
        self._bytes += _size(found)
        while self._bytes > self._bytes_max and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)
        return found


@dataclass(frozen=True, slots=True)
class Batch:
    """ids, positions [rows, suffix]; mask [rows, prefix + suffix]; targets [rows, answer], IGNORED on the left."""

    ids: Tensor
    positions: Tensor
    mask: Tensor
    targets: Tensor
    layers: Layers

    def cache(self) -> DynamicCache:
        """A fresh cache: a forward appends to it."""
        return DynamicCache(self.layers)

    def fixed_cache(self) -> DynamicCache:
        """A cache that nothing is appended to: a layer may be computed twice on it, as checkpointing does."""
        cache = DynamicCache(self.layers)
        for number, (keys, values) in enumerate(self.layers):
            cache.layers[number] = _FixedLayer(keys, values)
        return cache


class _FixedLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of the prefix; what comes after it is only joined on."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self.keys, self.values = keys, values

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        return torch.cat([self.keys, key_states], dim=-2), torch.cat([self.values, value_states], dim=-2)


def collate(rows: Sequence[Rendered], prefixes: PrefixCache, *, answers: bool) -> Batch:
    """Pad rows to one batch. With `answers` the last answer token is only a target, never an input;
    without, the rows end with the assistant header and `targets` has no columns.
    """
    suffixes = [row.suffix[:-1] if answers else row.suffix[: row.answer_at] for row in rows]
    before, width = max(row.offset for row in rows), max(map(len, suffixes))
    longest = max(row.answer_tokens for row in rows) if answers else 0
    layers = [prefixes.layers(row.prefix) for row in rows]
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    positions = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), before + width, dtype=torch.long)
    targets = torch.full((len(rows), longest), IGNORED)
    for place, (row, suffix) in enumerate(zip(rows, suffixes, strict=True)):
        ids[place, width - len(suffix) :] = torch.tensor(suffix)
        positions[place, width - len(suffix) :] = torch.arange(row.offset, row.offset + len(suffix))
        mask[place, before - row.offset : before] = 1
        mask[place, before + width - len(suffix) :] = 1
        if answers:
            targets[place, longest - row.answer_tokens :] = torch.tensor(row.suffix[row.answer_at :])
    device = layers[0][0][0].device
    padded = [_pad_left([found[number] for found in layers], before) for number in range(len(layers[0]))]
    return Batch(ids.to(device), positions.to(device), mask.to(device), targets.to(device), padded)


def answer_nll(model: PeftModel, batch: Batch) -> Tensor:
    """Negative log-likelihood of each answer token [rows, answer], zero where nothing is supervised."""
    logits = answer_logits(model, batch)
    losses = torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), batch.targets.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return losses.view(batch.targets.shape)


def answer_logits(model: PeftModel, batch: Batch) -> Tensor:
    """Logits [rows, answer, vocabulary] from which the answer tokens are predicted."""
    keep = batch.targets.shape[1]
    return forward(model, batch.ids, batch.positions, batch.mask, batch.fixed_cache(), keep=keep)


def drift(model: PeftModel, batch: Batch, base: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the adapter's next-token distribution from the base's, in nats: mean over the
    answer tokens. Zero where the adapter answers as the base does (Li and Hoiem 2016, learning without forgetting).

    base: `answer_logits` of the same batch with the adapter off.
    """
    counted = batch.targets.flatten() != IGNORED
    given = answer_logits(model, batch).flatten(0, 1)[counted].float().log_softmax(-1)
    wanted = base.flatten(0, 1)[counted].float().log_softmax(-1)
    return torch.nn.functional.kl_div(given, wanted, log_target=True, reduction="batchmean")


def forward(
    model: PeftModel, ids: Tensor, positions: Tensor, mask: Tensor, cache: DynamicCache, *, keep: int
) -> Tensor:
    """Logits [rows, keep, vocabulary] of the last positions. Every given token is active."""
    output = model(
        input_ids=ids,
        position_ids=positions,
        attention_mask=mask,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=keep,
        alora_offsets=[ids.shape[1]] * ids.shape[0],
    )
    logits: Tensor = output.logits
    return logits


@contextmanager
def adapter_off(model: PeftModel, *, off: bool) -> Iterator[None]:
    """The base alone, when `off`."""
    if not off:
        yield
        return
    with model.disable_adapter():
        yield


def _pad_left(found: Sequence[tuple[Tensor, Tensor]], width: int) -> tuple[Tensor, Tensor]:
    """Keys and values of one layer, [1, heads, tokens, dim] a row, to [rows, heads, width, dim]."""
    _, heads, _, dim = found[0][0].shape
    keys, values = (found[0][0].new_zeros(len(found), heads, width, dim) for _ in range(2))
    for row, (key, value) in enumerate(found):
        keys[row, :, width - key.shape[2] :] = key[0]
        values[row, :, width - value.shape[2] :] = value[0]
    return keys, values


def _size(layers: Layers) -> int:
    return sum(tensor.nbytes for pair in layers for tensor in pair)
