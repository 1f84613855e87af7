"""Finds quotations and citations in an answer and looks each quotation up on the page.

Pure functions over characters; used by the stream, by the checks and by the example reader.
"""

import re
from dataclasses import dataclass

from server.text.page import Block, Page, fold_marks

_CITED_QUOTE = re.compile(r'"([^"\n]{1,2000})"(?:[.,;:]? ?\[(\d{1,5})\])?')
_CITATION = re.compile(r"\[(\d{1,5})\]")
_WORD_END = re.compile(r"[\W_]")
_BORDER = re.compile(r"(?<![^\W_])(?=[^\W_])|(?<=[^\W_])(?![^\W_])")
_BORDER_MARK = "\0"  # no page has one
_TRIES_MAX = 64  # places that are looked at one by one
QUOTES_MAX = 64  # of one answer that are looked up; each is searched for on the whole page


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


def quotations(answer: str, page: Page, *, earlier: int = 0) -> list[Quotation]:
    """Every `"…"` of the answer, looked up in the block it cites, or anywhere when it cites none. Beyond QUOTES_MAX,
    with the `earlier` ones of the same answer, none is verified. Without a page the marks are no quotations: there is
    nothing that they could quote.
    """
    if not page.blocks:
        return []
    return [
        _look_up(match, page) if number < QUOTES_MAX else _unverified(match)
        for number, match in enumerate(_CITED_QUOTE.finditer(answer), start=earlier)
    ]


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
    return _unverified(match)


def _unverified(match: re.Match[str]) -> Quotation:
    return Quotation(match[1], match.start(), int(match[2]) if match[2] else None, False)


def find(quote: str, block: Block) -> tuple[int, int] | None:
    """Where the quote stands in the block, word for word: quote marks, dashes and spaces are folded,
    and the match must begin and end at a word border. None when it does not.
    """
    wanted = fold_marks(quote.strip())
    at = find_whole(wanted, block.folded)
    return None if at < 0 else (at, at + len(wanted))


def find_whole(wanted: str, text: str) -> int:
    """Where `wanted` stands in `text`, first and last letter at the borders of words; -1 where it does not."""
    at = text.find(wanted) if wanted else -1
    for _ in range(_TRIES_MAX):
        if at < 0:
            return -1
        end = at + len(wanted)
        if _inside_word(text, at):
            after = _WORD_END.search(text, at)  # it cannot begin before this word ends either
            at = text.find(wanted, after.start()) if after else -1
        elif _inside_word(text, end):
            at = text.find(wanted, at + 1)
        else:
            return at
    return _find_bordered(wanted, text) if at >= 0 else -1


def _find_bordered(wanted: str, text: str) -> int:
    """The same in time that grows with the text alone: with a mark at each border of a word it is a plain search. A
    text that repeats itself has so many almost right places that each cannot be looked at.
    """
    marked = _BORDER.sub(_BORDER_MARK, text)
    at = marked.find(_BORDER.sub(_BORDER_MARK, wanted))
    return -1 if at < 0 else at - marked.count(_BORDER_MARK, 0, at)


def _inside_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()
