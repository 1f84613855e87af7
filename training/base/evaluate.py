"""Held-out figures of a base: bits per byte, and page questions answered greedily without any constraint.

Held-out documents come from sources that training never read (`corpus.HELD_OUT_SOURCES`).
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM

from server.grounding import citations, quotations
from server.page import Page
from server.prompt import PromptLayout, Turn
from training.base.corpus import Document
from training.base.pretrain import pad, tree
from training.base.rows import ANSWER, PAGE, Rows
from training.base.tasks import ABSTAIN, TaskMaker

_NORMAL = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Question:
    page: Page
    turn: Turn


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


def held_out_questions(documents: Sequence[Document], *, count: int, chars: int, seed: int) -> list[Question]:
    """Questions on held-out pages: the corpus's own and made ones, about one in eight without an answer."""
    maker, questions = TaskMaker(seed), []
    for document in itertools.islice((d for d in documents if d.held_out), count * 2):
        page = maker.page(document, chars=chars)
        if page is None or len(page.blocks) < 3:
            continue
        turns = maker.turns(page, document.questions[:1], made=1)
        questions += [Question(page, turn) for turn in turns if len(turn.answer) < 400]
    return questions[:count]


def answers(
    model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question], *, tokens_max: int = 64
) -> dict[str, float]:
    """Ask every question once; shares in 0..1."""
    layout = PromptLayout(tokenizer)
    verbatim, named, scores, exact = [], [], [], []
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
            named.append(citations(text)[:1] == citations(gold)[:1])
        scores.append(_f1(text, gold))
        exact.append(_words(text) == _words(gold))
    found, missed, wrong = abstained[True, True], abstained[True, False], abstained[False, True]
    return {
        "questions": float(len(questions)),
        "quotes_verbatim": _mean(verbatim),
        "right_block": _mean(named),
        "f1": _mean(scores),
        "exact_match": _mean(exact),
        "abstention_f1": 2 * found / max(1, 2 * found + missed + wrong),
    }


def greedy_answer(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    layout: PromptLayout,
    question: Question,
    *,
    tokens_max: int,
) -> str:
    """The answer to one question, without norms and without any constraint."""
    prefix = layout.page(question.page, tokens_max=2_000)
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
