"""Finds quotations and citations in an answer and looks each quotation up on the page.

Pure functions over characters; used by the stream, by the checks and by the example reader.
"""

import re
from dataclasses import dataclass

from server.text.page import Block, Page

_CITED_QUOTE = re.compile(r'"([^"\n]{1,2000})"(?:[.,;:]? ?\[(\d{1,5})\])?')
_CITATION = re.compile(r"\[(\d{1,5})\]")
# Characters that a quotation may have instead of the page's; make protocol writes them into the extension too.
FOLDS = {
    **dict.fromkeys("\"“”„‟″＂«»'‘’‚‛′", "'"),
    **dict.fromkeys("‐‑‒–—−", "-"),
    **dict.fromkeys("\u00a0\n", " "),
}
_FOLDED = str.maketrans(FOLDS)


@dataclass(frozen=True, slots=True)
class Quotation:
    """One quotation of an answer. `text` is as it stands on the page when verified, else as written.

    `at` is the offset of the opening mark in the answer; `start`, `end` are characters of block `block`.
    """

    text: str
    at: int
    cited: int | None
    verified: bool
    block: int | None = None
    start: int = 0
    end: int = 0


def quotations(answer: str, page: Page) -> list[Quotation]:
    """Every `"…"` of the answer, looked up in the block it cites, or anywhere when it cites none."""
    return [_look_up(match, page) for match in _CITED_QUOTE.finditer(answer)]


def citations(answer: str) -> list[int]:
    """Block numbers in the order in which the answer names them."""
    return [int(number) for number in _CITATION.findall(answer)]


def _look_up(match: re.Match[str], page: Page) -> Quotation:
    cited = int(match[2]) if match[2] else None
    candidates = [block for block in page.blocks if cited is None or block.n == cited]
    for block in candidates:
        span = find(match[1], block)
        if span:
            start, end = span
            return Quotation(block.text[start:end], match.start(), cited, True, block.n, start, end)
    return Quotation(match[1], match.start(), cited, False)


def find(quote: str, block: Block) -> tuple[int, int] | None:
    """Where the quote stands in the block, word for word: quote marks, dashes and spaces are folded,
    and the match must begin and end at a word border. None when it does not.
    """
    wanted = quote.strip().translate(_FOLDED)
    text = block.text.translate(_FOLDED)
    at = text.find(wanted) if wanted else -1
    while at >= 0:
        end = at + len(wanted)
        if not (_inside_word(text, at) or _inside_word(text, end)):
            return at, end
        at = text.find(wanted, at + 1)
    return None


def _inside_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()
