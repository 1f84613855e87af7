"""Held-out summaries of a base beside lead-3, the page's first three sentences: ROUGE-L against the corpus's own.

ROUGE-L is written out here, as rouge-score brings nltk, absl and five more packages for these lines.
"""

import itertools
import re
from collections.abc import Sequence
from statistics import fmean

from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM

from server.page import Page
from server.prompt import PromptLayout, Turn
from training.base.corpus import Document
from training.base.evaluate import Question, greedy_answers
from training.base.tasks import SUMMARY_TASKS, TaskMaker
from training.base.words import sentences

TOKENS_MAX = 96
_BLOCK_NUMBER = re.compile(r"\[\d+\]")
_WORD = re.compile(r"[a-z0-9]+")


def held_out_summaries(documents: Sequence[Document], *, count: int, chars: int, seed: int) -> list[Question]:
    """One summary question a page with the corpus's own answer, `count` of them evenly from all held-out pages."""
    maker, found = TaskMaker(seed), []
    for document in documents:
        asked = [question for question in document.questions if question.task in SUMMARY_TASKS]
        page = maker.page(document, chars=chars) if document.held_out and asked else None
        if page is not None:
            found.append(Question(page, Turn(asked[0].question, asked[0].answer)))
    return [found[place * len(found) // count] for place in range(count)] if len(found) > count else found


def summaries(
    model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question]
) -> dict[str, float]:
    """Mean ROUGE-L of the base's summaries, greedy and unconstrained, and of lead-3; nothing without questions."""
    if not questions:
        return {}
    layout, ours, lead3 = PromptLayout(tokenizer), [], []
    answers = greedy_answers(model, tokenizer, layout, questions, tokens_max=TOKENS_MAX)
    for question, answer in zip(questions, answers, strict=True):
        own = question.turn.answer
        ours.append(rouge_l(_BLOCK_NUMBER.sub(" ", answer), own))
        lead3.append(rouge_l(lead(question.page, count=3), own))
    return {"summaries": float(len(questions)), "summary_rouge_l": fmean(ours), "lead3_rouge_l": fmean(lead3)}


def lead(page: Page, *, count: int) -> str:
    """The first `count` whole sentences of the page; headings and list items without a full stop are passed over."""
    parts = (part for block in page.blocks for part in sentences(block.text))
    whole = (part for part in parts if part.rstrip('”")').endswith((".", "!", "?")))
    return " ".join(itertools.islice(whole, count))


def rouge_l(answer: str, gold: str) -> float:
    """F1 of the longest common subsequence of words, lower-cased and not stemmed (Lin 2004, beta 1)."""
    given, wanted = _WORD.findall(answer.lower()), _WORD.findall(gold.lower())
    longest = [0] * (len(wanted) + 1)  # with the words of `given` so far and the first n of `wanted`
    for word in given:
        before = 0  # what longest[n] was one word earlier
        for n, other in enumerate(wanted):
            before, here = longest[n + 1], before + 1 if word == other else max(longest[n], longest[n + 1])
            longest[n + 1] = here
    return 2 * longest[-1] / max(1, len(given) + len(wanted))
