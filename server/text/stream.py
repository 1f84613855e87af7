"""Token ids -> text increments and finished quotations. Called by run, once for each answer.

Knows ids, characters and the page; nothing of sockets, frames or engines.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from server.text.grounding import Quotation, quotations
from server.text.page import Page

Decode = Callable[[Sequence[int]], str]

_HELD_TOKENS_MAX = 8  # a character has at most 4 bytes; whatever is still broken after 8 tokens stays broken
_CITATION_BEGUN = re.compile(r"[.,;:]? ?(\[\d{0,5})?")
_CIRCLE_CHARS, _CIRCLE_PERIOD_MAX, _SAME_LINES = 240, 60, 3


class TextStream:
    """Decodes a growing window, so that tokenizers which treat the first token apart come out right, and holds
    back the bytes of a character until it is whole. The DecodeStream of tokenizers would raise on bytes that are none.
    """

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._window = 0
        self._read = 0

    def push(self, ids: Sequence[int]) -> str:
        """The text that became certain with these ids; often a word, sometimes nothing."""
        return "".join(self._push_one(token) for token in ids)

    def _push_one(self, token: int) -> str:
        self._ids.append(token)
        new = self._new_text()
        if not new or (new.endswith("\ufffd") and len(self._ids) - self._read < _HELD_TOKENS_MAX):
            return ""
        self._window, self._read = self._read, len(self._ids)
        return new

    def finish(self) -> str:
        """What was held back, without the broken end of a character that never came."""
        new = self._new_text().rstrip("\ufffd")
        self._window = self._read = len(self._ids)
        return new

    def _new_text(self) -> str:
        before = self._decode(self._ids[self._window : self._read])
        return self._decode(self._ids[self._window :])[len(before) :]


class QuoteStream:
    """Finds each quotation as soon as it is certain: closed, and its citation written or ruled out."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._from, self._count = 0, 0

    def push(self, answer: str, *, finished: bool = False) -> list[Quotation]:
        """New quotations of the answer so far. The same ones, in the same order, as `quotations(answer)` finds."""
        found: list[Quotation] = []
        rest = answer[self._from :]
        if rest.count('"') < 2:
            return found
        for quote in quotations(rest, self.page, earlier=self._count):
            end = quote_end(rest, quote)
            if not finished and _may_go_on(rest, quote, end):
                break
            found.append(replace(quote, at=quote.at + self._from))
        self._count += len(found)
        if found:
            self._from = found[-1].at + quote_end(answer[found[-1].at :], replace(found[-1], at=0))
        return found


def quote_end(answer: str, quote: Quotation) -> int:
    """Where the quotation, with its citation, ends in the answer."""
    closing = answer.index('"', quote.at + 1) + 1
    return answer.index("]", closing) + 1 if quote.cited is not None else closing


def _may_go_on(answer: str, quote: Quotation, end: int) -> bool:
    return quote.cited is None and _CITATION_BEGUN.fullmatch(answer, end) is not None


def goes_in_circles(answer: str) -> bool:
    """The stop rule: small models sometimes repeat a line or a phrase without end."""
    lines = [line for line in answer[-4000:].split("\n")[:-1] if line.strip()]
    if len(lines) >= _SAME_LINES and len(set(lines[-_SAME_LINES:])) == 1:
        return True
    tail = answer[-_CIRCLE_CHARS:]
    if len(tail) < _CIRCLE_CHARS:
        return False
    return any(tail[period:] == tail[:-period] for period in range(1, _CIRCLE_PERIOD_MAX + 1))


def utf16_len(text: str) -> int:
    """The protocol counts as browsers do."""
    return len(text) + sum(char > "\uffff" for char in text)
