"""Held-out figures of a base: bits per byte, and page questions answered greedily without any constraint.

Held-out documents come from sources that training never read (`corpus.held_out_sources`).
"""

import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM

from server.grounding import citations, find, quotations
from server.page import Page
from server.prompt import PromptLayout, Turn
from training.base.attention import mask
from training.base.batches import pad
from training.base.corpus import Document, joined
from training.base.presets import Stage
from training.base.rows import ANSWER, PAGE, TOKENS_MAX, Rows
from training.base.tasks import ABSTAIN, TaskMaker

ANSWER_CHARS_MAX = 400
MANY_BLOCKS = 25
TOGETHER = 16  # questions that are answered at once
_NORMAL = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Question:
    page: Page
    turn: Turn
    own: bool = True  # the corpus's own, as people ask; the others are made from the page's words


def losses(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerBase, rows: Rows, *, count: int) -> dict[str, float]:
    """Bits per byte of page text and nats per answer token over the first `count` rows."""
    nats: dict[int, float] = {PAGE: 0.0, ANSWER: 0.0}
    tokens, page_bytes = Counter[int](), 0
    for row in range(min(count, len(rows))):
        batch = pad(rows, [row]).to(model.device)
        kinds, targets = batch.kinds[0, 1:], batch.ids[0, 1:]
        with torch.no_grad():
            hidden = model.model(
                input_ids=batch.ids, attention_mask=mask(model, batch), position_ids=batch.positions, use_cache=False
            ).last_hidden_state[0, :-1]
            each = F.cross_entropy(model.lm_head(hidden).float(), targets, reduction="none")
        for kind in (PAGE, ANSWER):
            counted = kinds == kind
            nats[kind] += float(each[counted].sum())
            tokens[kind] += int(counted.sum())
        page_bytes += len(tokenizer.decode(targets[kinds == PAGE]).encode())
    return {
        "bits_per_byte": nats[PAGE] / math.log(2) / max(1, page_bytes),
        "answer_nats_per_token": nats[ANSWER] / max(1, tokens[ANSWER]),
    }


def held_out_questions(documents: Sequence[Document], *, count: int, stage: Stage, seed: int) -> list[Question]:
    """`count` questions on held-out pages as long as the stage's, evenly over all of them.

    Of each page one question is the corpus's own, some of which the page does not answer, and one is made.
    """
    held_out = [document for document in documents if document.held_out]
    pages = [*held_out, *joined(held_out, chars=stage.chars[1])]
    choose, maker, found = random.Random(seed), TaskMaker(seed, clause_share=stage.clauses), []  # noqa: S311
    for document in choose.sample(pages, len(pages)):
        page = maker.excerpt(document, chars=int(math.exp(choose.uniform(*map(math.log, stage.chars)))))
        if page is None or len(page.blocks) < 3:
            continue
        own = choose.sample(document.questions, len(document.questions))
        asked = next((turns for question in own if (turns := maker.turns(page, [question], made=0))), [])
        both = [(turn, True) for turn in asked] + [(turn, False) for turn in maker.turns(page, [], made=1)]
        found += [Question(page, turn, is_own) for turn, is_own in both if len(turn.answer) < ANSWER_CHARS_MAX]
        if len(found) >= count:
            break
    return found[:count]


def answers(
    model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question], *, tokens_max: int = 128
) -> dict[str, float]:
    """Ask every question once; shares in 0..1."""
    layout = PromptLayout(tokenizer)
    verbatim, scores, exact = [], [], []
    named: list[_Named] = []
    abstained = Counter[tuple[bool, bool]]()  # (should, did)
    texts = greedy_answers(model, tokenizer, layout, questions, tokens_max=tokens_max)
    for question, text in zip(questions, texts, strict=True):
        gold = question.turn.answer
        should, did = gold == ABSTAIN, text.startswith(ABSTAIN[:-1])
        abstained[should, did] += 1
        if should:
            continue
        verbatim += [quote.verified for quote in quotations(text, question.page)]
        if citations(gold):
            place, blocks = citations(gold)[0], question.page.blocks
            right = _first_block(text, question.page) == place
            named.append(_Named(right, question.own, len(blocks) >= MANY_BLOCKS, place > 2 / 3 * blocks[-1].n))
        scores.append(_f1(text, gold))
        exact.append(_words(text) == _words(gold))
    found, missed, wrong = abstained[True, True], abstained[True, False], abstained[False, True]
    return {
        "questions": float(len(questions)),
        "quotes_verbatim": _mean(verbatim),
        "right_block": _mean([each.right for each in named]),
        "right_block_own": _mean([each.right for each in named if each.own]),
        "right_block_many": _mean([each.right for each in named if each.many]),
        "right_block_late": _mean([each.right for each in named if each.many and each.late]),
        "f1": _mean(scores),
        "exact_match": _mean(exact),
        "abstention_f1": 2 * found / max(1, 2 * found + missed + wrong),
    }


class _Named(NamedTuple):
    """Whether an answer named the right block; the question is the corpus's own; the page has many blocks; the right
    one is among the last third.
    """

    right: bool
    own: bool
    many: bool
    late: bool


def _first_block(answer: str, page: Page) -> int | None:
    """The block that the first quotation stands in, which is what the server lets it cite; else the one named first."""
    named = citations(answer)
    for quote in quotations(answer, page)[:1]:
        holding = [block.n for block in page.blocks if find(quote.text, block)]
        return next((number for number in named[:1] if number in holding), next(iter(holding), None))
    return next(iter(named), None)


def greedy_answers(
    model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerBase, layout: PromptLayout, questions: Sequence[Question],
    *, tokens_max: int,
) -> list[str]:  # fmt: skip
    """The answer to each question, without norms and without any constraint; prompts of like length go together."""
    prompts = [
        [*layout.page(each.page, tokens_max=TOKENS_MAX).ids, *layout.ask(each.turn.question, norms="")]
        for each in questions
    ]
    order, found = sorted(range(len(prompts)), key=lambda number: len(prompts[number])), [""] * len(prompts)
    for start in range(0, len(order), TOGETHER):
        numbers = order[start : start + TOGETHER]
        longest = len(prompts[numbers[-1]])
        gaps = [longest - len(prompts[number]) for number in numbers]
        ids = [[layout.stop_id] * gap + prompts[number] for gap, number in zip(gaps, numbers, strict=True)]
        out = model.generate(
            torch.tensor(ids, device=model.device),
            attention_mask=torch.tensor([[0] * gap + [1] * (longest - gap) for gap in gaps], device=model.device),
            max_new_tokens=tokens_max,
            do_sample=False,
            eos_token_id=layout.stop_id,
            pad_token_id=layout.stop_id,
        )
        for number, answer in zip(numbers, out[:, longest:], strict=True):
            found[number] = str(tokenizer.decode(answer, skip_special_tokens=True)).strip()
    return found


def _f1(answer: str, gold: str) -> float:
    """Word overlap, as SQuAD counts it (Rajpurkar et al. 2016)."""
    given, wanted = Counter(_words(answer)), Counter(_words(gold))
    shared = sum((given & wanted).values())
    return 2 * shared / max(1, sum(given.values()) + sum(wanted.values()))


def _words(text: str) -> list[str]:
    return [word for word in _NORMAL.findall(text.lower()) if word not in ("a", "an", "the")]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
