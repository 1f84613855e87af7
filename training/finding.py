"""Finding the place that a question asks for: questions made on a copilot's own pages. Called by make.

Some hundred examples teach a small base its new form and cost it what it looks words up with. So a recipe can
rehearse that while it trains, and every report says how much of it is left. No answer here is anyone's writing: a
question has words of one sentence of the page, and the answer is that sentence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from server.engine.quoting import Vocabulary
from server.grounding import citations
from server.page import Page
from server.prompt import PromptLayout
from training.base.tasks import TaskMaker
from training.evaluate import decode_all, interval
from training.examples import Example
from training.prefix import PrefixCache
from training.render import Rendered, Renderer

QUESTIONS_PER_PAGE = 6
SEED = 9
TYPED_SHARE = 0.5  # of look-ups, those as people type them


def look_up_rows(pages: Mapping[str, Page], layout: PromptLayout, *, norms: str, context: int) -> list[Rendered]:
    """Questions about words of each page, behind the copilot's norms, answered by a quotation alone."""
    renderer = Renderer(layout, norms=norms, context=context)
    made = (renderer.row(example, pages[example.page]) for example in _examples(pages))
    return [row for row in made if row is not None]


def rehearsal_rows(
    pages: Mapping[str, Page], answers: Sequence[str], layout: PromptLayout, *, norms: str, context: int
) -> list[Rendered]:
    """The same behind the beginning of one of the copilot's `answers`; only the quotation is supervised.

    The beginning belongs to another question: what is quoted shall depend on the question, not on it.
    """
    openings = [answer.partition('"')[0] for answer in answers if '"' in answer] or [""]
    choose = np.random.default_rng(SEED)
    renderer, rows = Renderer(layout, norms=norms, context=context), []
    for example in _examples(pages):
        opening = openings[choose.integers(len(openings))]
        row = renderer.row(example.model_copy(update={"answer": opening + example.answer}), pages[example.page])
        if row is not None:
            rows.append(_quotation_only(row, layout.text(opening)))
    return rows


def _examples(pages: Mapping[str, Page]) -> Iterator[Example]:
    maker = TaskMaker(SEED, typed_share=TYPED_SHARE)
    for slug, page in pages.items():
        for turn in maker.look_ups(page, count=QUESTIONS_PER_PAGE):
            yield Example(page=slug, question=turn.question, answer=turn.answer)


def _quotation_only(row: Rendered, opening: Sequence[int]) -> Rendered:
    """The row without its end, supervised from where the answer leaves the opening."""
    given = row.suffix[row.answer_at :]
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(given, opening, strict=False)))
    return replace(row, suffix=row.suffix[:-1], answer_at=row.answer_at + same)


def evidence(rows: Sequence[Rendered], answers: Sequence[str]) -> NDArray[np.float64]:
    """1 where the first block that an answer names is one that the example's own answer names, else 0; nan where
    the example's own names none. [rows]
    """
    found = np.full(len(rows), np.nan)
    for place, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        wanted = set(citations(row.example.answer))
        if wanted:
            found[place] = float(bool(wanted.intersection(citations(answer)[:1])))
    return found


def look_up(
    model: PeftModel, tokenizer: PreTrainedTokenizerBase, prefixes: PrefixCache, rows: Sequence[Rendered],
    *, vocabulary: Vocabulary,
) -> dict[str, Any]:  # fmt: skip
    """Share of look-ups that name the right block, adapter off and on."""
    off, on = (
        evidence(rows, decode_all(model, tokenizer, prefixes, rows, vocabulary=vocabulary, off=off))
        for off in (True, False)
    )
    return compared(off, on, [row.example.page for row in rows])


def compared(before: NDArray[np.float64], after: NDArray[np.float64], pages: Sequence[str]) -> dict[str, Any]:
    """Shares of two runs over the same rows, [rows], 1, 0 or nan, with the interval of the change by page."""
    counted = ~np.isnan(before)
    first, second = (np.stack([np.nan_to_num(values), counted], axis=1) for values in (before, after))
    was, now = (float(pair[:, 0].sum() / max(1, counted.sum())) for pair in (first, second))
    return {
        "examples": int(counted.sum()), "before": round(was, 4), "after": round(now, 4),
        "change": round(now - was, 4), "ci95": list(interval(first, second, pages)),
    }  # fmt: skip
