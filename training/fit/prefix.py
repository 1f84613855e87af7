"""The frozen part of the prompts: its KV is computed once by the base alone and reused by every step.

Called by fit and evaluate. A batch is one line of tokens, rows concatenated, nothing padded; each row attends to its
own page. Explicit positions keep the arithmetic of the full pass.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from peft import PeftModel
from torch import Tensor

from training.dataset.render import Rendered
from training.fit.attention import Layers, RowSpan, prepare
from training.fit.memory import free_bytes, page_cache_bytes


class PrefixCache:
    """KV by token ids, the least recently used dropped above `bytes_max`. Earlier turns lie apart from their page."""

    def __init__(self, model: PeftModel, *, bytes_max: int | None = None) -> None:
        self._model = model
        self._bytes_max = page_cache_bytes(free_bytes(model.device.type)) if bytes_max is None else bytes_max
        self._kept: OrderedDict[tuple[int, ...], Layers] = OrderedDict()
        self._bytes = 0
        self.is_plain = not getattr(model.peft_config["default"], "alora_invocation_tokens", None)

    @property
    def device(self) -> torch.device:
        """Of the model."""
        found: torch.device = self._model.device
        return found

    def before(self, row: Rendered) -> tuple[Layers, ...]:
        """KV of the row's page and, when there are any, of the turns between page and question. A plain adapter acts
        on those too: nothing stands before its rows.
        """
        if not row.prefix:
            return ()
        page = self._layers(row.prefix[: row.page_tokens])
        if row.page_tokens == len(row.prefix):
            return (page,)
        return page, self._layers(row.prefix, after=page)

    def _layers(self, ids: tuple[int, ...], *, after: Layers | None = None) -> Layers:
        """KV of the ids, of those that follow `after` when it is given, computed with the adapter disabled."""
        if ids in self._kept:
            self._kept.move_to_end(ids)
            return self._kept[ids]
        known = after[0][0].shape[2] if after else 0
        found: Layers = []
        tokens = torch.tensor([ids[known:]], device=self._model.device)
        positions = torch.arange(known, len(ids), device=self._model.device)[None]
        span = RowSpan(0, len(ids) - known, before=(after,) if after else (), own=found)
        with torch.no_grad(), self._model.disable_adapter():
            hidden_states(self._model, tokens, positions, [span])
        self._kept[ids] = found
        self._bytes += _size(found)
        while self._bytes > self._bytes_max and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)
        return found


@dataclass(frozen=True, slots=True)
class Batch:
    """ids, positions [1, tokens]; targets [answer tokens] of all rows, `predicted_at` their places in the line and
    `row_of` the number of the row that each belongs to.
    """

    ids: Tensor
    positions: Tensor
    spans: tuple[RowSpan, ...]
    targets: Tensor
    predicted_at: Tensor
    row_of: Tensor


def collate(rows: Sequence[Rendered], prefixes: PrefixCache) -> Batch:
    """Rows with their answers, concatenated. The last answer token is only a target, never an input."""
    spans: list[RowSpan] = []
    ids, positions, targets, predicted_at, row_of = ([] for _ in range(5))  # type: ignore[var-annotated]
    for number, row in enumerate(row.whole() if prefixes.is_plain else row for row in rows):
        start, given = len(ids), row.suffix[:-1]
        spans.append(RowSpan(start, start + len(given), before=prefixes.before(row)))
        ids += given
        positions += range(row.offset, row.offset + len(given))
        targets += row.suffix[row.answer_at :]
        predicted_at += range(start + row.answer_at - 1, len(ids))
        row_of += [number] * row.answer_tokens
    device = prefixes.device
    line = (torch.tensor([ids], device=device), torch.tensor([positions], device=device))
    answers = (torch.tensor(values, device=device) for values in (targets, predicted_at, row_of))
    return Batch(*line, tuple(spans), *answers)


def answer_nll(model: PeftModel, batch: Batch) -> Tensor:
    """Negative log-likelihood of each answer token, [answer tokens]."""
    return torch.nn.functional.cross_entropy(answer_logits(model, batch).float(), batch.targets, reduction="none")


def answer_logits(model: PeftModel, batch: Batch) -> Tensor:
    """Logits [answer tokens, vocabulary] from which the answer tokens are predicted."""
    prepare(model)
    output = model.get_base_model()(
        input_ids=batch.ids, position_ids=batch.positions, use_cache=False, logits_to_keep=batch.predicted_at,
        spans=batch.spans,
    )  # fmt: skip
    logits: Tensor = output.logits[0]
    return logits


def hidden_states(model: PeftModel, ids: Tensor, positions: Tensor, spans: Sequence[RowSpan]) -> Tensor:
    """What the last layer leaves of each given token, [tokens, hidden], without the logits: where only KV is wanted,
    those of the last token alone would take a fifth of the time. ids, positions: [1, tokens].
    """
    prepare(model)
    inner = model.get_base_model().base_model
    hidden: Tensor = inner(input_ids=ids, position_ids=positions, use_cache=False, spans=tuple(spans))[0][0]
    return hidden


@contextmanager
def adapter_off(model: PeftModel, *, off: bool) -> Iterator[None]:
    """The base alone, when `off`."""
    if not off:
        yield
        return
    with model.disable_adapter():
        yield


def _size(layers: Layers) -> int:
    return sum(tensor.nbytes for pair in layers for tensor in pair)
