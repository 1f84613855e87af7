"""The corpus's questions -> questions and answers in the product's forms, with their evidence on the page.

Called by rows. Answers are the corpus's own words; the rules here find where on the page they stand and lay the form
around them. What nothing on the page carries is dropped: it would teach to invent.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from server.text.checks import ABSTAIN
from server.text.units import Unit
from training.general.corpus import Question
from training.general.words import content_words, sentences

HUMAN_TASKS = frozenset(
    {"extract", "answer", "choose", "table", "faq", "evidence-answer", "query-summary", "quote-clause"}
)
CLAIM_WORDS_MAX = 25
POINTS_MAX, SUMMARY_SENTENCES_MAX = 6, 4
EXTRACT_TASKS = frozenset({"extract", "answer", "choose", "table", "reason"})
LONG_TASKS = frozenset({"faq", "section", "evidence-answer", "answer", "define"})
QUOTE_TASKS = frozenset({"quote", "quote-clause"})
SUMMARY_TASKS = frozenset({"summarise", "summarise-1", "query-summary"})
SHARED_MIN = 0.5  # of an answer's content words, on the unit that carries it
SUMMARY_SHARED_MIN = 0.34
_CLAUSE_END = re.compile(r"(?<=\w\w)[,;:] ")
_STEP = re.compile(r"^\s*\d+[.)]\s*")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its answer in the product's form. `evidence` are the units that it quotes; `short` is the phrase
    that answers an extractive question, as it stands in the evidence.
    """

    question: str
    answer: str
    evidence: tuple[Unit, ...] = ()
    short: str = ""
    whole: bool = False  # about the page as a whole

    @property
    def kind(self) -> Literal["answer", "abstain"]:
        return "abstain" if self.answer == ABSTAIN else "answer"


def asked(question: Question, units: Sequence[Unit]) -> Asked | None:
    """The corpus's question as the product would answer it on these units; None when they do not carry it."""
    task, text = question.task, fold(question.answer)
    if task == "not-on-page":
        return Asked(question.question, ABSTAIN)
    if task in QUOTE_TASKS:
        unit = containing(units, text.strip("“”' "), question.question) or nearest(units, text)
        return Asked(question.question, quote(unit), (unit,)) if unit else None
    if task in SUMMARY_TASKS:
        answer = cited_summary(text, units)
        return Asked(question.question, answer, whole=task != "query-summary") if answer else None
    if task == "steps":
        return _steps(question.question, text, units)
    if task in EXTRACT_TASKS and len(text) <= 160:
        unit = containing(units, text, question.question)
        if unit is not None:
            return Asked(question.question, fact(text, unit), (unit,), short=text.strip(". "))
    if task in LONG_TASKS:
        return _explained(question.question, text, units)
    return None


def _explained(question: str, text: str, units: Sequence[Unit]) -> Asked | None:
    """A longer answer of the page's own words: the sentence that carries its beginning, said shortly, and quoted."""
    first = sentences(text)[0]
    unit = containing(units, first.strip(". ")[:80], question) or nearest(units, text)
    if unit is None:
        return None
    claim = text if len(text.split()) <= CLAIM_WORDS_MAX else first
    return Asked(question, fact(shortened(claim), unit), (unit,))


def _steps(question: str, text: str, units: Sequence[Unit]) -> Asked | None:
    lines = [_STEP.sub("", line).strip() for line in text.split("\n")]
    found = [unit for line in lines if len(line) > 10 and (unit := containing(units, line[:60], question))]
    points = list(dict.fromkeys(found))[:POINTS_MAX]
    if len(points) < 2:
        return None
    return Asked(question, "\n".join(f"- {label(unit.text)}: {quote(unit)}" for unit in points), tuple(points))


def cited_summary(text: str, units: Sequence[Unit]) -> str | None:
    """The summary's sentences, each with the block that it comes from; None when one comes from nowhere."""
    said: list[str] = []
    for sentence in sentences(text.replace("\n", " "))[:SUMMARY_SENTENCES_MAX]:
        unit = nearest(units, sentence, least=SUMMARY_SHARED_MIN)
        if unit is None:
            return None
        said.append(f"{sentence.rstrip('. ')} [{unit.block}].")
    return " ".join(said) or None


def fact(claim: str, unit: Unit) -> str:
    claim = claim.strip().rstrip(".")
    same = claim.lower() == unit.text.strip(". ").lower()
    return quote(unit) if same or not claim else f"{claim[0].upper()}{claim[1:]}. {quote(unit)}"


def quote(unit: Unit) -> str:
    return f'"{unit.text}" [{unit.block}]'


def label(text: str, *, words: int = 5) -> str:
    """The first words of a text, to stand before its quotation."""
    kept = _CLAUSE_END.split(text)[0].split()[:words]
    while len(kept) > 2 and kept[-1].lower().strip(".,;:") in _LOOSE_ENDS:
        kept.pop()
    return " ".join(kept).rstrip(".,;:!?")


_LOOSE_ENDS = frozenset(
    "a an and are as at by for from in is of on or that the their this to with which will be has".split()
)


def shortened(claim: str) -> str:
    """At most CLAIM_WORDS_MAX words, cut at a clause where one ends in time."""
    if len(claim.split()) <= CLAIM_WORDS_MAX:
        return claim
    head = _CLAUSE_END.split(claim)[0]
    return " ".join((head if 4 <= len(head.split()) <= CLAIM_WORDS_MAX else claim).split()[:CLAIM_WORDS_MAX])


def containing(units: Sequence[Unit], text: str, question: str) -> Unit | None:
    """The unit with the text in it as whole words; of several, the one that shares most words with the question."""
    wanted = text.strip(". ").lower()
    if len(wanted) < 2:
        return None
    pattern = re.compile(rf"(?<!\w){re.escape(wanted)}(?!\w)")
    found = [unit for unit in units if wanted in unit.text.lower() and pattern.search(unit.text.lower())]
    found = [unit for unit in found if not unit.text.endswith("?")] or found
    about = content_words(question)
    return max(found, key=lambda unit: len(about & content_words(unit.text)), default=None)


def nearest(units: Sequence[Unit], text: str, *, least: float = SHARED_MIN) -> Unit | None:
    """The unit that shares most content words with the text; None when less than a share `least` of them."""
    wanted = content_words(text)
    best, found = least, None
    for unit in units:
        if unit.text.endswith("?"):
            continue
        shared = len(wanted & content_words(unit.text)) / max(4, len(wanted))
        if shared > best:
            best, found = shared, unit
    return found


def fold(text: str) -> str:
    return text.replace('"', "”").strip()
