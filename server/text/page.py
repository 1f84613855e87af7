"""Untrusted page text -> clean, numbered blocks that remember where each character came from.

Called by session, cli and training. Knows characters only: no tokens, no socket, no model.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from server.errors import LimitExceeded, PageError

_QUOTE_MARKS = frozenset('"„‟″＂')
_OPENS_A_QUOTE = frozenset(" ([{-–—/“‘")
# Characters that a quotation may have instead of the page's; make protocol writes them into the extension too.
FOLDS = {
    **dict.fromkeys("\"“”„‟″＂«»'‘’‚‛′", "'"),
    **dict.fromkeys("‐‑‒–—−", "-"),
    **dict.fromkeys("\u00a0\n", " "),
}
_FOLDED = str.maketrans(FOLDS)
# Controls that are no white space, zero-width and bidi marks, soft hyphens, fillers, lone surrogates and private use,
# variation selectors, interlinear marks, Unicode's tag characters.
_HIDDEN_CHARACTERS = (
    r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0"
    r"\ud800-\uf8ff\ufe00-\ufe0f\ufeff\ufff0-\ufffb\U000e0000-\U0010ffff"
)
_HIDDEN = re.compile(f"[{_HIDDEN_CHARACTERS}]")
_VISIBLE = rf"[^\s{_HIDDEN_CHARACTERS}]+"
_PIECES = re.compile(rf"(?P<visible>{_VISIBLE}(?: {_VISIBLE})*)|(?P<space>\s+)|(?P<hidden>[{_HIDDEN_CHARACTERS}]+)")


@dataclass(frozen=True, slots=True)
class Block:
    """One numbered passage. `n` is its 1-based place among the blocks the client sent; `folded` is its text as a
    quotation is looked up in it.
    """

    n: int
    text: str
    utf16: tuple[int, ...]  # offset in the raw block, in UTF-16 units, of each character; one past the end closes it

    folded: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        folded = fold_marks(self.text)
        object.__setattr__(self, "folded", self.text if folded == self.text else folded)

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


NO_PAGE = Page("", "", ())


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
    gap, gap_at, last = "", 0, ""
    for piece in _PIECES.finditer(raw):
        run, start = piece.group(), piece.start()
        if piece.lastgroup == "space":
            gap_at = gap_at if gap else start
            gap = "\n" if gap == "\n" or "\n" in run else " "
        elif piece.lastgroup == "visible":
            if gap and last:
                text.append(gap)
                offsets.append(gap_at)
            if not _QUOTE_MARKS.isdisjoint(run):
                run = _typographic(run, before="" if gap else last)
            text.append(run)
            offsets.extend(range(start, piece.end()))
            gap, last = "", run[-1]
    return "".join(text), _as_utf16(raw, [*offsets, len(raw)])


def _typographic(run: str, *, before: str) -> str:
    """The visible run with its quote marks turned; `before` is the character that touches it, if any."""
    turned = ""
    for char in run:
        before = ("”" if before and before not in _OPENS_A_QUOTE else "“") if char in _QUOTE_MARKS else char
        turned += before
    return turned


def _as_utf16(raw: str, offsets: list[int]) -> tuple[int, ...]:
    """Character offsets as UTF-16 offsets: each character beyond the first plane before them counts twice."""
    if not raw or max(raw) <= "\uffff":
        return tuple(offsets)
    units = [0, *accumulate(2 if char > "\uffff" else 1 for char in raw)]
    return tuple(units[at] for at in offsets)


def fold_marks(text: str) -> str:
    """With one kind of quote mark, dash and space."""
    return text.translate(_FOLDED)


def is_hidden(char: str) -> bool:
    """True for what a reader cannot see and an attacker likes, white space that is a control character included."""
    return char < " " or char == "\x85" or _HIDDEN.match(char) is not None
