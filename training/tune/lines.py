"""Rows -> lines of tokens for tuning a whole base, and the attention over them. Called by loop and job.

A page stands once, followed by several of its questions; each question sees the page and itself only, at the
positions that it has when it is served. So loss and gradients are those of one row each, for a third of the tokens.
Groups are concatenated into lines without padding. Knows nothing of optimisers and files.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

from server.errors import BaseError
from training.dataset.render import Rendered

NAME = "retinue_whole_pages"
QUESTIONS_MAX = 6  # of one page in one group: more would make the questions of a step too much alike
LINE_TOKENS = 4_096  # of one pass through the model; a longer group stands alone


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that begin with the same page."""

    rows: tuple[Rendered, ...]

    @property
    def page(self) -> tuple[int, ...]:
        return self.rows[0].prefix[: self.rows[0].page_tokens]

    @property
    def tokens(self) -> int:
        return len(self.page) + sum(len(branch(row)) for row in self.rows)

    @property
    def answer_tokens(self) -> int:
        return sum(row.answer_tokens for row in self.rows)


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens `start:stop` of a line. They see those before them in the span, and all of `page` when it is given."""

    start: int
    stop: int
    page: slice | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """ids, positions [1, tokens]; targets [answer tokens] and `predicted_at`, their places in the line."""

    ids: Tensor
    positions: Tensor
    spans: tuple[Span, ...]
    targets: Tensor
    predicted_at: Tensor


def branch(row: Rendered) -> tuple[int, ...]:
    """What follows the page: earlier turns, question, answer without its last token (that is only a target)."""
    return row.prefix[row.page_tokens :] + row.suffix[:-1]


def grouped(rows: Sequence[Rendered], *, order: np.random.Generator | None = None) -> list[Group]:
    """Every row once, in groups of one page; with `order` the rows of a page and the groups are shuffled by it."""
    by_page: dict[tuple[int, ...], list[Rendered]] = {}
    for row in rows:
        by_page.setdefault(row.prefix[: row.page_tokens], []).append(row)
    groups: list[Group] = []
    for page, of_page in by_page.items():
        places = order.permutation(len(of_page)).tolist() if order else range(len(of_page))
        groups += _cut([of_page[place] for place in places], page_tokens=len(page))
    return [groups[place] for place in order.permutation(len(groups)).tolist()] if order else groups


def _cut(rows: Sequence[Rendered], *, page_tokens: int) -> Iterator[Group]:
    kept: list[Rendered] = []
    room = LINE_TOKENS - page_tokens
    for row in rows:
        size = len(branch(row))
        if kept and (len(kept) == QUESTIONS_MAX or size > room):
            yield Group(tuple(kept))
            kept, room = [], LINE_TOKENS - page_tokens
        kept.append(row)
        room -= size
    yield Group(tuple(kept))


def steps_of(rows: Sequence[Rendered], batch: int, *, seed: int, epoch: int) -> list[list[Group]]:
    """One epoch, a list of groups for each optimiser step, with `batch` questions or a few more; depends on the rows,
    seed and epoch only.
    """
    steps: list[list[Group]] = [[]]
    for group in grouped(rows, order=np.random.default_rng((seed, epoch))):
        if sum(len(one.rows) for one in steps[-1]) >= batch:
            steps.append([])
        steps[-1].append(group)
    return steps


def lines_of(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """The groups of each pass, at most LINE_TOKENS together."""
    kept: list[Group] = []
    for group in groups:
        if kept and sum(one.tokens for one in kept) + group.tokens > LINE_TOKENS:
            yield kept
            kept = []
        kept.append(group)
    if kept:
        yield kept


def collate(groups: Sequence[Group], *, device: torch.device | str) -> Line:
    """Concatenated groups."""
    ids: list[int] = []
    positions: list[int] = []
    spans: list[Span] = []
    targets: list[int] = []
    predicted_at: list[int] = []
    for group in groups:
        page = slice(len(ids), len(ids) + len(group.page))
        ids += group.page
        positions += range(len(group.page))
        spans.append(Span(page.start, page.stop))
        for row in group.rows:
            start, given = len(ids), branch(row)
            ids += given
            positions += range(len(group.page), len(group.page) + len(given))
            spans.append(Span(start, len(ids), page))
            targets += row.suffix[row.answer_at :]
            predicted_at += range(len(ids) - row.answer_tokens, len(ids))
    tensors = (torch.tensor(values, device=device) for values in ([ids], [positions], targets, predicted_at))
    line, places, wanted, at = tensors
    return Line(line, places, tuple(spans), wanted, at)


def plain_line(ids: Sequence[int], *, device: torch.device | str) -> Line:
    """A text of its own, each token a target but the first."""
    tokens = torch.tensor([ids], device=device)
    places = torch.arange(len(ids), device=device)
    return Line(tokens, places[None], (Span(0, len(ids)),), tokens[0, 1:], places[:-1])


def token_nll(model: PreTrainedModel, line: Line) -> Tensor:
    """Negative log-likelihood of each target, [answer tokens], fp32. Within `whole_pages` only."""
    logits = model(
        input_ids=line.ids, position_ids=line.positions, use_cache=False, logits_to_keep=line.predicted_at,
        spans=line.spans,
    ).logits[0]  # fmt: skip
    return cross_entropy(logits.float(), line.targets, reduction="none")


@contextmanager
def whole_pages(model: PreTrainedModel) -> Iterator[None]:
    """Within it the model takes lines."""
    before = model.config._attn_implementation
    AttentionInterface.register(NAME, attend)
    model.config._attn_implementation = NAME
    try:
        yield
    finally:
        model.config._attn_implementation = before


def attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: object, *,
    scaling: float, spans: tuple[Span, ...], **others: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """As transformers calls it: query [1, heads, tokens, dim], key and value [1, kv heads, tokens, dim].

    Returns [1, tokens, heads, dim]. Raises BaseError (`base_unsupported`) for attention that is not plain softmax over
    all tokens.
    """
    if any(others.get(name) is not None for name in ("softcap", "s_aux", "sliding_window")):
        raise BaseError(
            "This base caps its attention, has attention sinks or a sliding window: none is supported.",
            code="base_unsupported",
        )
    found = []
    for span in spans:
        own = slice(span.start, span.stop)
        keys, values, mask = key[:, :, own], value[:, :, own], None
        if span.page is not None:
            keys = torch.cat((key[:, :, span.page], keys), dim=2)
            values = torch.cat((value[:, :, span.page], values), dim=2)
            new, seen = span.stop - span.start, keys.shape[2]
            mask = torch.ones(new, seen, dtype=torch.bool, device=query.device).tril(seen - new)
        found.append(
            scaled_dot_product_attention(
                query[:, :, own], keys, values, attn_mask=mask, is_causal=mask is None, scale=scaling, enable_gqa=True
            )
        )
    return torch.cat(found, dim=2).transpose(1, 2), None
