"""Held-out figures of a base: bits per byte, and page questions answered greedily without any constraint.

Held-out documents come from sources that training never read (`corpus.held_out_sources`).
"""

import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM

from server.grounding import citations, find, quotations
from server.page import Page
from server.prompt import PromptLayout, Turn
from training.base.corpus import Document, joined
from training.base.pretrain import pad, tree
from training.base.rows import ANSWER, PAGE, TOKENS_MAX, Rows
from training.base.tasks import ABSTAIN, TaskMaker

ANSWER_CHARS_MAX = 400
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
        ids, kinds, branches = pad(rows, np.array([row])).to(model.device)
        mask, positions = tree(branches)
        with torch.no_grad():
            hidden = model.model(
                input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False
            ).last_hidden_state[0, :-1]
            each = F.cross_entropy(model.lm_head(hidden).float(), ids[0, 1:], reduction="none")
        for kind in (PAGE, ANSWER):
            counted = kinds[0, 1:] == kind
            nats[kind] += float(each[counted].sum())
            tokens[kind] += int(counted.sum())
        page_bytes += len(tokenizer.decode(ids[0, 1:][kinds[0, 1:] == PAGE]).encode())
    return {
        "bits_per_byte": nats[PAGE] / math.log(2) / max(1, page_bytes),
        "answer_nats_per_token": nats[ANSWER] / max(1, tokens[ANSWER]),
    }


def held_out_questions(
    documents: Sequence[Document], *, count: int, chars: tuple[int, int], seed: int
) -> list[Question]:
    """`count` questions on held-out pages evenly over all of them, lengths evenly spread in the logarithm.

    Of each page one question is the corpus's own, some of which the page does not answer, and one is made.
    """
    held_out = [document for document in documents if document.held_out]
    pages = [*held_out, *joined(held_out, chars=chars[1])]
    choose, maker, found = random.Random(seed), TaskMaker(seed), []  # noqa: S311
    for document in choose.sample(pages, len(pages)):
        page = maker.excerpt(document, chars=int(math.exp(choose.uniform(*map(math.log, chars)))))
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
    named: dict[bool, list[bool]] = {True: [], False: []}  # by whether the question is the corpus's own
    abstained = Counter[tuple[bool, bool]]()  # (should, did)
    for question in questions:
        text = greedy_answer(model, tokenizer, layout, question, tokens_max=tokens_max)
        gold = question.turn.answer
        should, did = gold == ABSTAIN, text.startswith(ABSTAIN[:-1])
        abstained[should, did] += 1
        if should:
            continue
        verbatim += [quote.verified for quote in quotations(text, question.page)]
        if citations(gold):
            named[question.own].append(_first_block(text, question.page) == citations(gold)[0])
        scores.append(_f1(text, gold))
        exact.append(_words(text) == _words(gold))
    found, missed, wrong = abstained[True, True], abstained[True, False], abstained[False, True]
    return {
        "questions": float(len(questions)),
        "quotes_verbatim": _mean(verbatim),
        "right_block": _mean([*named[True], *named[False]]),
        "right_block_own": _mean(named[True]),
        "f1": _mean(scores),
        "exact_match": _mean(exact),
        "abstention_f1": 2 * found / max(1, 2 * found + missed + wrong),
    }


def _first_block(answer: str, page: Page) -> int | None:
    """The block that the first quotation stands in, which is what the server lets it cite; else the one named first."""
    named = citations(answer)
    for quote in quotations(answer, page)[:1]:
        holding = [block.n for block in page.blocks if find(quote.text, block)]
        return next((number for number in named[:1] if number in holding), next(iter(holding), None))
    return next(iter(named), None)


def greedy_answer(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    layout: PromptLayout,
    question: Question,
    *,
    tokens_max: int,
) -> str:
    """The answer to one question, without norms and without any constraint."""
    prefix = layout.page(question.page, tokens_max=TOKENS_MAX)
    ids = torch.tensor([[*prefix.ids, *layout.ask(question.turn.question, norms="")]], device=model.device)
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=tokens_max,
        do_sample=False,
        eos_token_id=layout.stop_id,
        pad_token_id=layout.stop_id,
    )
    return str(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)).strip()


def _f1(answer: str, gold: str) -> float:
    """Word overlap, as SQuAD counts it (Rajpurkar et al. 2016)."""
    given, wanted = Counter(_words(answer)), Counter(_words(gold))
    shared = sum((given & wanted).values())
    return 2 * shared / max(1, sum(given.values()) + sum(wanted.values()))


def _words(text: str) -> list[str]:
    return [word for word in _NORMAL.findall(text.lower()) if word not in ("a", "an", "the")]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
