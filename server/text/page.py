"""Untrusted page text -> clean, numbered blocks that remember where each character came from.

Called by session, cli and training. Knows characters only: no tokens, no socket, no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.errors import LimitExceeded, PageError

_QUOTE_MARKS = frozenset('"„‟″＂')
_OPENS_A_QUOTE = frozenset("([{-–—/“‘")


@dataclass(frozen=True, slots=True)
class Block:
    """One numbered passage. `n` is its 1-based place among the blocks the client sent."""

    n: int
    text: str
    utf16: tuple[int, ...]  # offset in the raw block, in UTF-16 units, of each character; one past the end closes it

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """Characters [start, end) of `text` as UTF-16 offsets into the block as the client sent it."""
        return self.utf16[start], self.utf16[end - 1] + 1 if end > start else self.utf16[start]


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    url: str
    blocks: tuple[Block, ...]

    @property
    def chars(self) -> int:
        return sum(len(block.text) for block in self.blocks)


def read_page(*, title: str, url: str, blocks: Sequence[str], chars_max: int) -> Page:
    """Clean and number the blocks. Blocks without text keep their number but are left out.

    Raises PageError (`page_empty`) and LimitExceeded (`page_too_long`).
    """
    if sum(map(len, blocks)) > chars_max:
        raise LimitExceeded(
            f"The page has more than {chars_max:,} characters. Select the part that you want to ask about.",
            code="page_too_long",
        )
    cleaned = (Block(n, *clean(raw)) for n, raw in enumerate(blocks, start=1))
    kept = tuple(block for block in cleaned if block.text)
    if not kept:
        raise PageError("This page has no readable text. Select some text or open another page.")
    return Page(clean(title)[0], clean(url)[0], kept)


def clean(raw: str) -> tuple[str, tuple[int, ...]]:
    """Visible characters only, runs of white space folded to one space or line feed, and straight
    double quotes made typographic, so that `"` in an answer always opens or closes a quotation.

    Returns the text and each character's UTF-16 offset in `raw`, plus the offset of the end.
    """
    text: list[str] = []
    offsets: list[int] = []
    position, gap, gap_at = 0, "", 0
    for char in raw:
        at, position = position, position + (2 if ord(char) > 0xFFFF else 1)
        if char.isspace():
            if not gap:
                gap_at = at
            gap = "\n" if char == "\n" or gap == "\n" else " "
            continue
        if is_hidden(char):
            continue
        if gap and text:
            text.append(gap)
            offsets.append(gap_at)
        if char in _QUOTE_MARKS:
            opens = not text or gap or text[-1] in _OPENS_A_QUOTE
            char = "“" if opens else "”"
        gap = ""
        text.append(char)
        offsets.append(at)
    return "".join(text), (*offsets, position)


def is_hidden(char: str) -> bool:
    """True for what a reader cannot see and an attacker likes: controls, zero-width and bidi marks,
    Unicode tag characters, lone surrogates, soft hyphens, variation selectors, private use.
    """
    code = ord(char)
    return (
        code < 0x20
        or 0x7F <= code <= 0x9F
        or code in (0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x3164, 0xFFA0)
        or 0x200B <= code <= 0x200F
        or 0x202A <= code <= 0x202E
        or 0x2060 <= code <= 0x206F
        or 0xD800 <= code <= 0xF8FF
        or 0xFE00 <= code <= 0xFE0F
        or code == 0xFEFF
        or 0xFFF0 <= code <= 0xFFFB
        or code >= 0xE0000
    )
