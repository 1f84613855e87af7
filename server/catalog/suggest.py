"""Which copilots fit a page: by the hints of their files, by words and by meaning. Called by session, in a thread.

A suggestion says why in words of the page. Nothing is ever switched by it. Knows copilots and characters; the encoder
is passed in, so that this module never imports torch.
"""

import math
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from server.catalog.copilots import GENERALIST, Copilot
from server.text.finder import Encoder, words_of
from server.text.page import Page
from server.text.units import headings

SUGGESTED, WHY_MAX = 6, 3
TEXT_CHARS_MAX = 3_000  # of the page's beginning; headings are read further
HEADINGS_CHARS_MAX = 20_000
ENCODED_CHARS_MAX, ENCODED_HEADINGS = 320, 4  # title, headings, beginning: a short text takes the encoder some 4 ms
HINT_WORDS_MAX = 4
HINTS_WEIGHT, WORDS_WEIGHT, MEANING_WEIGHT = 1.0, 0.5, 3.0
FIELD_WEIGHTS = {"types": 4.0, "title": 3.0, "url": 2.0, "headings": 1.5, "text": 1.0}
HINTS_HALF = 6.0  # weight of hints that counts half: more and more of them add less and less
SCORE_MIN, SCORE_MIN_BY_WORDS = 1.3, 0.35  # below it nothing is suggested; the second without an encoder
_TYPE_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_ADDRESS_WORDS = re.compile(r"[a-z]{3,}")

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`why`: hints of the copilot that the page holds, the most telling first; empty when only the meaning is near."""

    copilot: str
    score: float
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a suggestion goes by. `types`: schema.org types that the page declares, such as JobPosting."""

    title: str
    address: str
    headings: tuple[str, ...]
    types: tuple[str, ...]
    text: str

    @classmethod
    def of(cls, page: Page, *, types: Sequence[str]) -> "PageFacts":
        found = _up_to(HEADINGS_CHARS_MAX, dict.fromkeys(headings(page).values()))
        text = "\n".join(_up_to(TEXT_CHARS_MAX, (block.text for block in page.blocks)))
        return cls(page.title, page.url, found, tuple(types), text)

    def fields(self) -> dict[str, str]:
        address = " ".join(_ADDRESS_WORDS.findall(self.address.lower().partition("?")[0]))
        types = " ".join(" ".join(_TYPE_WORDS.findall(name)) for name in self.types)
        return {
            "types": types, "title": self.title, "url": address, "headings": ". ".join(self.headings),
            "text": self.text,
        }  # fmt: skip


class Suggester:
    """An index of the copilots, made again when they are others than before. Safe to call from any thread."""

    def __init__(self, encoder: Encoder | None) -> None:
        self._encoder = encoder
        self._lock = threading.Lock()
        self._index: _Index | None = None

    def rank(self, facts: PageFacts, copilots: Iterable[Copilot], *, most: int = SUGGESTED) -> list[Suggestion]:
        """The copilots that fit, best first."""
        usable = tuple(copilot for copilot in copilots if copilot.usable and copilot.id != GENERALIST)
        if not usable:
            return []
        with self._lock:
            if self._index is None or self._index.copilots != usable:
                self._index = _Index(usable, self._encoder)
            index = self._index
        return index.rank(facts, most=most)


class _Index:
    def __init__(self, copilots: tuple[Copilot, ...], encoder: Encoder | None) -> None:
        self.copilots, self._encoder = copilots, encoder
        self._hints: dict[tuple[str, ...], dict[int, str]] = {}  # words -> the copilots that have them, and how
        for place, copilot in enumerate(copilots):
            for hint in copilot.hints:
                words = words_of(" ".join(_TYPE_WORDS.findall(hint)) if hint.isalpha() and hint[1:] != hint[1:].lower()
                                 else hint)  # fmt: skip
                if words:
                    self._hints.setdefault(words[:HINT_WORDS_MAX], {})[place] = hint
        texts = [f"{one.name}. {one.promise} {'. '.join(one.hints)}" for one in copilots]
        self._words: Any = bm25s.BM25()
        self._words.index([list(words_of(text)) or [""] for text in texts], show_progress=False)
        self._vectors = encoder.encode(texts) if encoder is not None else None

    def rank(self, facts: PageFacts, *, most: int) -> list[Suggestion]:
        fields = facts.fields()
        hinted, why = self._by_hints(fields)
        scores = (
            HINTS_WEIGHT * hinted + WORDS_WEIGHT * self._by_words(fields) + MEANING_WEIGHT * self._by_meaning(facts)
        )
        least = SCORE_MIN_BY_WORDS if self._vectors is None else SCORE_MIN
        best = np.argsort(-scores, kind="stable")[:most].tolist()
        return [
            Suggestion(self.copilots[place].id, float(scores[place]), tuple(why.get(place, ())))
            for place in best
            if scores[place] >= least
        ]

    def _by_hints(self, fields: dict[str, str]) -> tuple[Scores, dict[int, list[str]]]:
        """0 to 1 for each copilot, and the hints that were found; rare ones, and those in the title, count most."""
        weights: dict[tuple[str, ...], float] = {}
        for name, text in fields.items():
            for found in set(_runs(words_of(text))):
                if found in self._hints:
                    weights[found] = max(weights.get(found, 0.0), FIELD_WEIGHTS[name])
        scores, why = np.zeros(len(self.copilots), dtype=np.float32), dict[int, list[str]]()
        rated = sorted(((weight * self._rarity(found), found) for found, weight in weights.items()), reverse=True)
        for value, found in rated:
            for place, hint in self._hints[found].items():
                scores[place] += value
                kept = why.setdefault(place, [])
                if len(kept) < WHY_MAX:
                    kept.append(hint)
        return scores / (scores + HINTS_HALF), why

    def _rarity(self, hint: tuple[str, ...]) -> float:
        return math.log(1 + len(self.copilots) / len(self._hints[hint])) * (1 + 0.3 * (len(hint) - 1))

    def _by_words(self, fields: dict[str, str]) -> Scores:
        """BM25 of the page's words against each copilot's texts, as a share of the best."""
        words = Counter[str]()
        for name, text in fields.items():
            for word in set(words_of(text)):
                words[word] += round(FIELD_WEIGHTS[name])
        asked = [word for word, times in words.items() for _ in range(times)]
        if not asked:
            return np.zeros(len(self.copilots), dtype=np.float32)
        scores: Scores = self._words.get_scores(asked).astype(np.float32)
        return scores / max(1e-6, float(scores.max()))

    def _by_meaning(self, facts: PageFacts) -> Scores:
        if self._vectors is None or self._encoder is None:
            return np.zeros(len(self.copilots), dtype=np.float32)
        text = ". ".join((facts.title, *facts.headings[:ENCODED_HEADINGS], facts.text))
        found: Scores = self._vectors @ self._encoder.encode([text[:ENCODED_CHARS_MAX]])[0]
        return found


def _runs(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for length in range(1, HINT_WORDS_MAX + 1):
        for start in range(len(words) - length + 1):
            yield tuple(words[start : start + length])


def _up_to(chars: int, texts: Iterable[str]) -> tuple[str, ...]:
    """The first ones, cut where so many characters are full."""
    kept = list[str]()
    for text in texts:
        if chars <= 0:
            break
        kept.append(text[:chars])
        chars -= len(text)
    return tuple(kept)
