"""Questions and answers drafted from a page's own sentences, with the base alone. Called by documents_desk.

The answer quotes the sentence that the question was drafted from, so its evidence is right by construction. What does
not verify is dropped: a question that the finder does not lead back to its sentence, a claim with words of its own.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence

from server.conversation.pages import Parts
from server.engine import PageTokens, Request, Tokens
from server.text.finder import Finder, words_of
from server.text.page import Page
from server.text.prompt import Turn
from server.text.units import Unit, units_of

UNIT_CHARS = range(45, 321)
UNIT_WORDS_MIN, CLAIM_WORDS_MAX = 7, 25
QUESTION_WORDS = range(4, 23)
PER_PAGE_MAX = 6
FOUND_AMONG = 3  # the finder puts the sentence among so many for its question
CLAIM_SHARE_MIN = 0.7  # of the claim's words that stand in the sentence
_TOKENS_MAX = 48
_TIMEOUT_S = 60.0
_ASK = "Sentence: {unit}\nWrite a question that it answers."
_CLAIM = "Sentence: {unit}\nQuestion: {question}"
# Sentence, question, answer: shown to the base as earlier turns. Without them a small base talks about the sentence.
_SHOWN = (
    ("The library opens at nine on weekdays and at ten on Saturdays.", "When does the library open on Saturdays?",
     "At ten on Saturdays."),
    ("A late return costs the borrower twenty cents for each day.", "What does a late return cost?",
     "Twenty cents for each day."),
    ("Either party may end the contract with two months’ notice in writing.", "How can the contract be ended?",
     "With two months’ notice in writing."),
    ("The survey of 2019 asked 340 farmers in Norway about their wells.", "Who was asked in the survey of 2019?",
     "340 farmers in Norway."),
)  # fmt: skip
_LEAD = re.compile(r'^(?:question|answer|q|a)\s*[:.]\s*|^["“*\s]+', re.IGNORECASE)
_ABOUT_ITSELF = re.compile(r"\b(?:this|the|that) (?:sentence|passage|text|statement|author)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def sentences(page: Page, *, most: int = PER_PAGE_MAX) -> list[Unit]:
    """Whole sentences that say something definite, evenly over the page."""
    good = [unit for unit in units_of(page) if _is_sentence(unit.text)]
    good.sort(key=lambda unit: (-_definite(unit.text), unit.block))
    return sorted(good[:most], key=lambda unit: (unit.block, unit.start))


class Drafter:
    """Asks the engine, one request after the other. `closing`: the line that each answer of the copilot ends with."""

    def __init__(self, parts: Parts, *, closing: str) -> None:
        self._parts, self._closing = parts, closing
        prefix = parts.base.layout.without_page()
        self._prefix = PageTokens(prefix.ids, prefix.spans, "drafts")
        history = parts.base.layout.history
        self._asked = history([Turn(_ASK.format(unit=unit), question) for unit, question, _ in _SHOWN])
        self._claimed = history([Turn(_CLAIM.format(unit=unit, question=asked), said) for unit, asked, said in _SHOWN])

    async def __aenter__(self) -> "Drafter":
        await self._parts.engine.open_page(self._prefix, lambda done, total: None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parts.engine.close_page(self._prefix)

    async def draft(self, unit: Unit, finder: Finder, *, asked: Sequence[str]) -> tuple[str, str] | None:
        """Question and answer, or None when what came does not verify. Raises RetinueError of the engine."""
        question = question_of(await self._complete(_ASK.format(unit=unit.text), history=self._asked), unit.text)
        if question is None or _same(question, asked) or not self._leads_back(question, unit, finder):
            return None
        said = await self._complete(_CLAIM.format(unit=unit.text, question=question), history=self._claimed)
        claim = claim_of(said, unit.text)
        if claim is None:
            return None
        return question, f'{claim} "{unit.text}" [{unit.block}]' + (f"\n{self._closing}" if self._closing else "")

    def _leads_back(self, question: str, unit: Unit, finder: Finder) -> bool:
        ranked = finder.search(question, self._parts.encoder)[:FOUND_AMONG]
        return any(passage.unit == unit for passage in ranked)

    async def _complete(self, words: str, *, history: Sequence[int]) -> str:
        base = self._parts.base
        request = Request(
            page=self._prefix, history=history, turn=base.layout.ask(words, instructions=""), adapter=None,
            stop_ids=base.stop_ids, tokens_max=_TOKENS_MAX, timeout_s=_TIMEOUT_S, constrain_quotes=False,
        )  # fmt: skip
        ids: list[int] = []
        stream: AsyncIterator[object] = self._parts.engine.generate(request)
        async for event in stream:
            if not isinstance(event, Tokens):
                break
            ids += event.ids
        return base.decode(ids)


def question_of(said: str, unit: str) -> str | None:
    """The one question in what the base said; None when it asks nothing, or nothing about the sentence."""
    first = _LEAD.sub("", said.strip().split("\n")[0])
    question = " ".join(first.partition("?")[0].split()) + "?"
    known = set(words_of(unit))
    if "?" not in first or len(question.split()) not in QUESTION_WORDS or _ABOUT_ITSELF.search(question):
        return None
    return question if '"' not in question and known & set(words_of(question)) else None


def claim_of(said: str, unit: str) -> str | None:
    """What the base said when all of it stands in the sentence, else the sentence itself where it is short."""
    claim = " ".join(_LEAD.sub("", said.strip().split("\n")[0]).replace('"', "").split())
    claim = re.split(r"(?<=[.!?])\s", claim)[0]
    own, known = words_of(claim), set(words_of(unit))
    fits = (
        own
        and 2 <= len(claim.split()) <= CLAIM_WORDS_MAX
        and sum(word in known for word in own) >= CLAIM_SHARE_MIN * len(own)
        and set(_NUMBER.findall(claim)) <= set(_NUMBER.findall(unit))
        and "?" not in claim
        and "[" not in claim
    )
    if fits:
        return claim if claim[-1] in ".!" else f"{claim}."
    return unit if len(unit.split()) <= CLAIM_WORDS_MAX else None


def pair_id(document: str, place: int, unit: Unit) -> str:
    return "p" + hashlib.sha256(f"{document}\n{place}\n{unit.block}\n{unit.text}".encode()).hexdigest()[:16]


def _is_sentence(text: str) -> bool:
    words = text.split()
    whole = text[-1] in ".!" and text[0].isupper() and '"' not in text
    return whole and len(text) in UNIT_CHARS and len(words) >= UNIT_WORDS_MIN


def _definite(text: str) -> int:
    """Numbers and names are what people ask for."""
    return len(_NUMBER.findall(text)) + sum(word[:1].isupper() for word in text.split()[1:])


def _same(question: str, asked: Sequence[str]) -> bool:
    return question.casefold() in {one.casefold() for one in asked}
