"""The ordinary requests of a page sidebar, answered by rule from the page's own words: key facts, dates, prices, short
versions, look-ups. Called by rows; the project's own examples teach the same requests in better style.
"""

import random
import re
from collections.abc import Callable, Sequence

from server.text.finder import Encoder, Finder
from server.text.units import Unit
from training.general.tasks import POINTS_MAX, Asked, label, quote

_KEY = (
    "List the key facts with quotes", "key facts", "key points", "What are the main points?", "3 takeaways",
    "main points", "the most important facts", "give me the key points with quotes", "highlights",
    "bullet points please",
)  # fmt: skip
_SHORT = ("tl;dr", "tldr", "summarise this", "Summarize this page", "summary please", "the gist", "short summary")
_SHORT_QUOTED = (
    "summarise and quote the most important sentence", "tl;dr with a quote", "short summary with one quote",
    "summarise it and quote the key sentence",
)  # fmt: skip
_DATES = ("all dates", "list the dates", "which dates are mentioned", "dates and deadlines", "every date on this page")
_PRICES = ("all prices", "list every price", "what does everything cost", "prices and fees", "how much is what")
_LOOK_UP = ("Quote the part about {}.", "where does it mention {}", "{}", "what does it say about {}?", "find {}")
_DATE = re.compile(
    r"\b(?:\d{1,2} )?(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r"(?: \d{1,2}(?:st|nd|rd|th)?)?(?:,? (?:19|20)\d\d)?\b|\b(?:19|20)\d\d\b"
)
_PRICE = re.compile(
    r"[$€£]\s?\d[\d,.]*\d?(?: (?:million|billion|trillion))?|\b\d[\d,.]* (?:dollars|euros|pounds|cents)\b"
)
_CONTENT = re.compile(r"[A-Za-z][\w’'-]{4,}")
TEXT_CHARS_MIN = 50


class Requests:
    """Makes one request for a page, of those for which the page has something to answer."""

    def __init__(self, choose: random.Random, encoder: Encoder | None) -> None:
        self._random, self._encoder = choose, encoder

    def make(self, finder: Finder) -> Asked | None:
        kinds: list[Callable[[Finder], Asked | None]] = [
            self._key_facts, self._key_facts, self._short, self._short_quoted, self._dates, self._dates, self._prices,
            self._look_up,
        ]  # fmt: skip
        for kind in self._random.sample(kinds, len(kinds)):
            found = kind(finder)
            if found is not None:
                return found
        return None

    def _key(self, finder: Finder, question: str, count: int) -> list[Unit]:
        ranked = [passage.unit for passage in finder.passages(question, finder.search(question, self._encoder))]
        chosen = [unit for unit in ranked if len(unit.text) >= TEXT_CHARS_MIN][:count]
        return sorted(chosen, key=lambda unit: (unit.block, unit.start))

    def _key_facts(self, finder: Finder) -> Asked | None:
        question = self._random.choice(_KEY)
        chosen = self._key(finder, question, 3 if "3" in question else self._random.randint(3, 5))
        if len(chosen) < 3:
            return None
        return Asked(question, _points([(label(unit.text), unit) for unit in chosen]), tuple(chosen), whole=True)

    def _short(self, finder: Finder) -> Asked | None:
        question = self._random.choice(_SHORT)
        chosen = self._key(finder, question, self._random.randint(2, 3))
        if len(chosen) < 2 or sum(len(unit.text) for unit in chosen) > 600:
            return None
        return Asked(question, _told(chosen), tuple(chosen), whole=True)

    def _short_quoted(self, finder: Finder) -> Asked | None:
        question = self._random.choice(_SHORT_QUOTED)
        chosen = self._key(finder, question, 3)
        if len(chosen) < 3 or sum(len(unit.text) for unit in chosen) > 700:
            return None
        quoted = chosen.pop(self._random.randrange(3))
        return Asked(question, f"{_told(chosen)}\n{quote(quoted)}", (quoted,), whole=True)

    def _dates(self, finder: Finder) -> Asked | None:
        return self._found(finder, self._random.choice(_DATES), _DATE)

    def _prices(self, finder: Finder) -> Asked | None:
        return self._found(finder, self._random.choice(_PRICES), _PRICE)

    def _found(self, finder: Finder, question: str, pattern: re.Pattern[str]) -> Asked | None:
        points = [
            (match[0], unit) for unit in finder.units if (match := pattern.search(unit.text)) and len(match[0]) > 3
        ]
        if len(points) < 2:
            return None
        points = points[:POINTS_MAX]
        return Asked(question, _points(points), tuple(unit for _, unit in points), whole=True)

    def _look_up(self, finder: Finder) -> Asked | None:
        unit = self._random.choice(finder.units)
        words = [word for word in _CONTENT.findall(unit.text) if _times(finder.units, word) == 1]
        if len(unit.text) < TEXT_CHARS_MIN or not words:
            return None
        question = self._random.choice(_LOOK_UP).format(self._random.choice(words).lower())
        return Asked(question, quote(unit), (unit,))


def _points(points: Sequence[tuple[str, Unit]]) -> str:
    return "\n".join(f"- {name}: {quote(unit)}" for name, unit in points)


def _told(units: Sequence[Unit]) -> str:
    return " ".join(f"{unit.text.rstrip('. ')} [{unit.block}]." for unit in units)


def _times(units: Sequence[Unit], word: str) -> int:
    return sum(word.lower() in unit.text.lower() for unit in units)
