"""Searches a page for what a question asks for: its sentences, lines and rows, ranked. Called by pages, run, training.

BM25 (bm25s) finds words, a sentence encoder finds meaning; a unit's score is cosine + LEXICAL_WEIGHT x BM25 as a share
of the most that the question allows. Covers the whole page, also what does not fit the base model's context. Knows
characters and numpy arrays; the encoder is passed in, so that this module never imports torch.
"""

import logging
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Protocol

import bm25s
import numpy as np
import Stemmer
from numpy.typing import NDArray

from server.text.page import Page
from server.text.units import Unit, headings, units_of

logging.getLogger("bm25s").setLevel(logging.WARNING)  # importing it has set DEBUG

Vectors = NDArray[np.float32]

LEXICAL_WEIGHT = 0.5
PASSAGES, LIST_PASSAGES = 4, 8
PASSAGE_CHARS_MAX, LIST_PASSAGE_CHARS_MAX = 600, 1_000
NEIGHBOUR_WEIGHT = 0.2  # of each neighbouring unit's vector, mixed into a unit's own
HEADING_PENALTY = 0.3  # a heading names the place, the sentence below it answers
LEAD_BONUS = 0.15  # a page's first sentences say what it is about
KIND_BONUS = 0.3
LIKELY, POSSIBLE = 0.5, 0.35  # cosine of the best passage

_WORD = re.compile(r"\w+")
_ASKS_FOR_LIST = re.compile(
    r"\b(list|all|every|each|key|main|facts?|points?|takeaways?|pros|cons|dates|prices|costs|fees|names|steps|reasons"
    r"|obligations|duties|rights|risks|requirements|action items?|compare|differences?|table|summar\w+|tl;?dr)\b",
    re.IGNORECASE,
)
_REQUEST_WORDS = frozenset(
    "summarise summarize summary tl dr tldr gist about page article text content overview key main important most "
    "facts points takeaways sentence sentences quote quotes list give me tell explain simply simple briefly short "
    "words plain this that it is what does say the a an of in and to with please can you for one two three five 3 "
    "5 whole entire everything bullet bullets highlights recap conclusion topic subject read reading worth "
    "knowing know should i idea ideas paragraph post site document contract lines line rewrite draft".split()
)
_KINDS = (
    (re.compile(r"\b(dates?|deadlines?|when)\b", re.I), re.compile(
        r"\b(\d{1,2} )?(January|February|March|April|May|June|July|August|September|October|November|December)\b"
        r"|\b(19|20)\d\d\b|\b\d{1,2}[:.]\d\d\b|\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b")),
    (re.compile(r"\b(prices?|costs?|fees?|how much|pay|charges?|cheap\w*|expensive)\b", re.I), re.compile(
        r"[$€£]\s?\d|\d\s?(€|£|euros?|dollars?|pounds?|USD|EUR|GBP|crowns?|francs?)\b|\bfree\b", re.I)),
)  # fmt: skip


class Encoder(Protocol):
    """Sentences -> unit vectors [texts, dim], float32. Safe to call from any thread."""

    def encode(self, texts: Sequence[str]) -> Vectors: ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A unit that the question may be about; `score` is cosine + weighted BM25, at best about 1.5."""

    unit: Unit
    score: float
    similarity: float | None = None  # the cosine alone, -1 to 1; None while the page is not encoded
    around: tuple[str, str] = ("", "")  # the units before and after it, where the model has not read them

    @property
    def text(self) -> str:
        """As it stands in the prompt."""
        return " ".join(part for part in (self.around[0], self.unit.text, self.around[1]) if part)


class Finder:
    """One page's index. Without `vectors` the words alone decide; `vectors` may be set at any time later.

    A unit's vector is the mean of its own and of its text under the heading above it, with a part of its neighbours'.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.units = units_of(page)
        self.vectors: Vectors | None = None
        above = headings(page)
        self._headings = np.array([unit.block not in above for unit in self.units], dtype=np.float32)
        # each unit under the heading above it
        self.headed = [f"{above[u.block]}: {u.text}" if above.get(u.block) else u.text for u in self.units]
        self._words = _WordIndex(self.headed)

    def encode(self, encoder: Encoder) -> None:
        """Encode every unit. Slow (milliseconds a unit): call it in a thread."""
        if not self.units:
            return
        plain, headed = [unit.text for unit in self.units], self.headed
        changed = [place for place, text in enumerate(headed) if text != plain[place]]
        both = encoder.encode([*plain, *(headed[place] for place in changed)])
        vectors = both[: len(plain)].copy()
        vectors[changed] = (vectors[changed] + both[len(plain) :]) / 2
        neighbours = np.zeros_like(vectors)
        neighbours[1:] += vectors[:-1]
        neighbours[:-1] += vectors[1:]
        mixed = (vectors + NEIGHBOUR_WEIGHT * neighbours) / (1 + 2 * NEIGHBOUR_WEIGHT)
        self.vectors = mixed.astype(np.float32)

    def search(self, question: str, encoder: Encoder | None, *, earlier: str = "") -> list[Passage]:
        """Every unit with its score, best first. A follow-up (`earlier` is the turn before) is searched with both."""
        asked = f"{earlier} {question}".strip()
        similar = self._similarities(asked, encoder)
        scores = self.by_words(asked) + (0 if similar is None else similar)
        return self._ranked(scores, similar)

    def by_words(self, question: str) -> Vectors:
        """What words alone give each unit [units]: weighted BM25, less for headings."""
        scores: Vectors = LEXICAL_WEIGHT * self._words.shares(question) - HEADING_PENALTY * self._headings
        return scores

    def passages(self, question: str, ranked: Sequence[Passage]) -> list[Passage]:
        """The likeliest units for the prompt, best first, of those that `search` has `ranked`; for a request about the
        whole page its key sentences.
        """
        many = asks_for_much(question)
        limit, chars = (LIST_PASSAGES, LIST_PASSAGE_CHARS_MAX) if many else (PASSAGES, PASSAGE_CHARS_MAX)
        if is_whole_page(question):
            ranked = self._ranked(self._key_scores(), None)
        if many:
            ranked = sorted(ranked, key=lambda passage: -passage.score - _kind_bonus(question, passage.unit.text))
        kept: list[Passage] = []
        for passage in ranked:
            text = passage.unit.text
            if len(kept) == limit or (kept and not many and passage.score <= 0):
                break
            if len(text) <= chars and not any(text == other.unit.text for other in kept):
                kept.append(passage)
                chars -= len(text)
        return kept

    def with_neighbours(self, passage: Passage) -> Passage:
        """The passage with the units before and after it in its block: for what the model has not read."""
        place = self.units.index(passage.unit)
        near = (self.units[max(0, place - 1)], self.units[min(len(self.units) - 1, place + 1)])
        texts = [one.text if one.block == passage.unit.block and one != passage.unit else "" for one in near]
        return replace(passage, around=(texts[0], texts[1]))

    def _ranked(self, scores: Vectors, similar: Vectors | None) -> list[Passage]:
        return [
            Passage(self.units[place], float(scores[place]), None if similar is None else float(similar[place]))
            for place in np.argsort(-scores, kind="stable").tolist()
        ]

    def _similarities(self, asked: str, encoder: Encoder | None) -> Vectors | None:
        if self.vectors is None or encoder is None:
            return None
        similar: Vectors = self.vectors @ encoder.encode([asked])[0]
        return similar

    def _key_scores(self) -> NDArray[np.float32]:
        """How well each unit stands for the page: cosine with the mean of all, and a bonus for the first sentences."""
        scores = np.zeros(len(self.units), dtype=np.float32)
        if self.vectors is not None:
            mean = self.vectors.mean(axis=0)
            scores += self.vectors @ (mean / max(1e-6, float(np.linalg.norm(mean))))
        lead = 0
        for place, unit in enumerate(self.units):
            if len(unit.text) > 60 and lead < 3:  # headings and crumbs of navigation say little
                scores[place] += LEAD_BONUS * (3 - lead)
                lead += 1
            elif len(unit.text) < 40:
                scores[place] -= LEAD_BONUS
        return scores - HEADING_PENALTY * self._headings


def _kind_bonus(question: str, text: str) -> float:
    """A request for dates or prices wants the units that have some."""
    return KIND_BONUS * any(asked.search(question) and found.search(text) for asked, found in _KINDS)


class _WordIndex:
    """BM25 of a page's units, as a share of what a unit with every word of the question could get.

    Divided by the page's best score instead, a unit that shares one common word would count as much as an answer.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        tokens = [list(words_of(text)) for text in texts]
        self._count = len(texts)
        self._times = Counter(word for found in tokens for word in set(found))
        self._index: Any = None
        if self._times:
            self._index = bm25s.BM25()
            self._index.index([found or [""] for found in tokens], show_progress=False)

    def shares(self, question: str) -> Vectors:
        """0 to 1 for each text."""
        words = list(words_of(question))
        if self._index is None or not words:
            return np.zeros(self._count, dtype=np.float32)
        most = sum(self._rarity(word) for word in words)
        shares: Vectors = self._index.get_scores(words).astype(np.float32) / np.float32(most)
        return shares

    def _rarity(self, word: str) -> float:
        """Inverse document frequency as bm25s counts it (Lucene's), also of words that the page lacks."""
        times = self._times[word]
        return math.log(1 + (self._count - times + 0.5) / (times + 0.5))


def confidence(passages: Sequence[Passage]) -> str:
    """How well the best passage fits, in a word that stands in the prompt: Likely, Possible or Unlikely."""
    found = [passage.similarity for passage in passages if passage.similarity is not None]
    if not found or max(found) >= LIKELY:
        return "Likely"
    return "Possible" if max(found) >= POSSIBLE else "Unlikely"


def asks_for_much(question: str) -> bool:
    """True for a request about the whole page or for a list: it gets more passages."""
    return is_whole_page(question) or _ASKS_FOR_LIST.search(question) is not None


def is_whole_page(question: str) -> bool:
    """True for a request about the page as a whole ("tl;dr", "what is this about?"): no word of it can be searched."""
    return all(word.lower() in _REQUEST_WORDS for word in _WORD.findall(question))


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """The words of a text that can be searched: stemmed, in lower case, without stop words."""
    words = [word for word in _WORD.findall(text.lower()) if word not in STOP_WORDS]
    return tuple(_stemmer().stemWords(words))


@cache
def _stemmer() -> Any:
    return Stemmer.Stemmer("english")


STOP_WORDS = frozenset(
    "a an and are as at be been by can could did do does for from had has have how i if in into is it its me my of on"
    " or our page please quote say says she he should so tell than that the their them there these they this to us was"
    " we were what when where which who whom whose why will with would you your about any explain find".split()
)
