"""Before (base with norms) and after (adapter) on held-out examples. Called by make.

Answers are decoded as served: greedy, and inside quotation marks held to the page's words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from server.checks import abstains, run_checks
from server.engine import PageText
from server.engine.quoting import PageIndex, QuoteGuard, Vocabulary
from server.engine.sampling import pick
from training.attention import Layers, Segment
from training.fit import EVALUATION_BATCH, held_out_nll
from training.prefix import PrefixCache, adapter_off, forward
from training.render import Rendered

TOKENS_MAX = 96
RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Measured:
    """nll [rows, 2]: sum and number of answer tokens. passed[check] [rows]: 1, 0, or nan where the check does
    not apply, which is where the example's own answer abstains or does not pass it."""

    nll: NDArray[np.float64]
    answers: list[str]
    passed: dict[str, NDArray[np.float64]]


def measure(
    model: PeftModel, tokenizer: PreTrainedTokenizerBase, prefixes: PrefixCache, rows: Sequence[Rendered],
    checks: Sequence[str], *, vocabulary: Vocabulary, off: bool,
) -> Measured:  # fmt: skip
    """Loss, answers and checks of all rows; `off` is the base alone."""
    answers = decode_all(model, tokenizer, prefixes, rows, off=off, vocabulary=vocabulary)
    return Measured(held_out_nll(model, prefixes, rows, off=off), answers, score(checks, rows, answers))


def decode_all(
    model: PeftModel, tokenizer: PreTrainedTokenizerBase, prefixes: PrefixCache, rows: Sequence[Rendered],
    *, vocabulary: Vocabulary, off: bool,
) -> list[str]:  # fmt: skip
    """The answer to each row as text, greedy, held to the page inside quotation marks."""
    ids = greedy(model, prefixes, rows, off=off, vocabulary=vocabulary)
    return [str(tokenizer.decode(found, skip_special_tokens=True)).strip() for found in ids]


def greedy(
    model: PeftModel, prefixes: PrefixCache, rows: Sequence[Rendered], *, off: bool,
    vocabulary: Vocabulary | None = None, tokens_max: int = TOKENS_MAX,
) -> list[list[int]]:  # fmt: skip
    """The most likely answer of each row, token by token, the stop token left out; quotes are free without
    a vocabulary.
    """
    model.eval()
    found: list[list[int]] = []
    with torch.no_grad(), adapter_off(model, off=off):
        for start in range(0, len(rows), EVALUATION_BATCH):
            together = rows[start : start + EVALUATION_BATCH]
            found += _decode(model, prefixes, together, [_guard(row, vocabulary) for row in together], tokens_max)
    return found


def _guard(row: Rendered, vocabulary: Vocabulary | None) -> QuoteGuard | None:
    if vocabulary is None:
        return None
    return QuoteGuard(PageIndex.build(PageText(row.prefix, row.spans), vocabulary), vocabulary)


def _pick(logits: Tensor, guard: QuoteGuard | None) -> int:
    if guard is None:
        return pick(logits)
    token = pick(logits, allowed=guard.allowed(), banned=guard.banned)
    guard.accept(token)
    return token


def _decode(
    model: PeftModel, prefixes: PrefixCache, rows: Sequence[Rendered], guards: Sequence[QuoteGuard | None],
    tokens_max: int,
) -> list[list[int]]:  # fmt: skip
    """Each row reads its page and its own KV; a row that has ended is no longer computed."""
    stops, device = [row.suffix[-1] for row in rows], model.device
    before, own = [prefixes.before(row) for row in rows], list[Layers]([] for _ in rows)
    given: list[list[int]] = [[] for _ in rows]
    new = {number: list(row.suffix[: row.answer_at]) for number, row in enumerate(rows)}
    while new:
        ids: list[int] = []
        positions: list[int] = []
        segments: list[Segment] = []
        for number, tokens in new.items():
            at = rows[number].offset + (own[number][0][0].shape[2] if own[number] else 0)
            segments.append(Segment(len(ids), len(ids) + len(tokens), before[number], own[number]))
            ids += tokens
            positions += range(at, at + len(tokens))
        line, places = (torch.tensor([values], device=device) for values in (ids, positions))
        ends = torch.tensor([segment.stop - 1 for segment in segments], device=device)
        logits = forward(model, line, places, segments, keep=ends)
        picked = {number: _pick(row, guards[number]) for number, row in zip(new, logits, strict=True)}
        new = {number: [token] for number, token in picked.items() if token != stops[number]}
        for number, (token,) in new.items():
            given[number].append(token)
        new = {number: tokens for number, tokens in new.items() if len(given[number]) < tokens_max}
    return given


def score(checks: Sequence[str], rows: Sequence[Rendered], answers: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Which checks each answer passes. An answer that abstains where the page has the answer passes none: the
    server's checks let it through, and never answering would score best. Abstaining is measured by itself.
    """
    table = np.full((len(rows), len(checks)), np.nan)
    for place, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        if row.example.kind == "abstain":
            continue
        gold = run_checks(checks, row.example.answer, page=row.page, question=row.example.question)
        found = run_checks(checks, answer, page=row.page, question=row.example.question)
        for column, (own, given) in enumerate(zip(gold, found, strict=True)):
            if own.passed:
                table[place, column] = float(given.passed and not abstains(answer))
    return {name: table[:, column] for column, name in enumerate(checks)}


def abstention(rows: Sequence[Rendered], answers: Sequence[str]) -> dict[str, float]:
    """Precision, recall and F1 of saying that the page does not say."""
    wanted = [row.example.kind == "abstain" for row in rows]
    said = [abstains(answer) for answer in answers]
    both = sum(w and s for w, s in zip(wanted, said, strict=True))
    precision, recall = both / max(1, sum(said)), both / max(1, sum(wanted))
    f1 = 2 * precision * recall / (precision + recall) if both else 0.0
    return {"examples": sum(wanted), "precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def interval(before: NDArray[np.float64], after: NDArray[np.float64], pages: Sequence[str]) -> tuple[float, float]:
    """95 % interval of the change of a ratio of sums, after minus before, by bootstrap over whole pages.

    before, after: [rows, 2], numerator and denominator. Questions of one page are not independent, so pages
    are drawn, with all of their questions. Fixed seed.
    """
    return _quantiles(_drawn(after, pages) - _drawn(before, pages))


def share_interval(measured: NDArray[np.float64], pages: Sequence[str]) -> tuple[float, float]:
    """95 % interval of one ratio of sums, [rows, 2], by the same draws of pages."""
    return _quantiles(_drawn(measured, pages))


def _drawn(measured: NDArray[np.float64], pages: Sequence[str]) -> NDArray[np.float64]:
    """The ratio in each of the resamples."""
    names = sorted(set(pages))
    member = np.array([[page == name for page in pages] for name in names], dtype=np.float64)
    drawn = np.random.default_rng(0).integers(len(names), size=(RESAMPLES, len(names)))
    sums = (member @ measured)[drawn].sum(axis=1)
    return np.asarray(sums[:, 0] / np.maximum(sums[:, 1], 1e-9))


def _quantiles(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return round(float(low), 4), round(float(high), 4)
