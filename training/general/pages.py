"""Corpus documents -> pages as long as real ones: parts of long documents, neighbours put together. Called by rows."""

import random
import re
from collections.abc import Sequence

from server.text.page import Page, read_page
from training.general.corpus import Document
from training.general.words import sentences

SHORT_SHARE = 0.35
SHORT_CHARS, LONG_CHARS = (300, 2_600), (3_000, 7_000)
_CRUMBS = (
    "Skip to content", "Home", "Menu", "Search", "Share this page", "Sign in", "Subscribe to our newsletter",
    "Contact", "Cookie settings", "Print this page", "Back to top", "Related pages", "Was this page helpful?",
    "All rights reserved",
)  # fmt: skip


class PageMaker:
    """Seeded: the same documents give the same pages."""

    def __init__(self, choose: random.Random) -> None:
        self._random = choose

    def around(self, documents: Sequence[Document], place: int) -> tuple[Page, list[Document]] | None:
        """A page with document `place` and, where it is short, its neighbours of the same source, and the documents
        that are in it. None when that is too little.
        """
        document, choose = documents[place], self._random
        chars = choose.randint(*(SHORT_CHARS if choose.random() < SHORT_SHARE else LONG_CHARS))
        blocks = self._cut(document.blocks)
        blocks = self._window(blocks, document, chars=chars)
        before, after, others = self._neighbours(documents, place, chars=chars - sum(map(len, blocks)))
        whole = [*before, *([document.title] if before and document.title else []), *blocks, *after]
        if sum(map(len, whole)) < 200:
            return None
        title = self._title(document, before)
        page = read_page(title=title, url="", blocks=self._framed(whole), chars_max=1 << 20)
        return page, [document, *others]

    def _title(self, document: Document, before: Sequence[str]) -> str:
        return document.title if not before or self._random.random() < 0.5 else before[0][:120]

    def _window(self, blocks: list[str], document: Document, *, chars: int) -> list[str]:
        """A run of blocks of about `chars` characters, with the answer to one of the questions in it."""
        if sum(map(len, blocks)) <= chars:
            return blocks
        first = self._asked_for(blocks, document)
        size, start = len(blocks[first]), first
        end = first + 1
        while size < chars and (start > 0 or end < len(blocks)):
            if start > 0 and (end == len(blocks) or self._random.random() < 0.5):
                start -= 1
                size += len(blocks[start])
            else:
                size += len(blocks[end])
                end += 1
        return blocks[start:end]

    def _asked_for(self, blocks: Sequence[str], document: Document) -> int:
        if document.questions:
            wanted = self._random.choice(document.questions).answer.strip('“”". ').lower()[:60]
            found = [place for place, block in enumerate(blocks) if wanted in block.lower()]
            if found:
                return self._random.choice(found)
        return self._random.randrange(len(blocks))

    def _neighbours(
        self, documents: Sequence[Document], place: int, *, chars: int
    ) -> tuple[list[str], list[str], list[Document]]:
        before: list[str] = []
        after: list[str] = []
        others: list[Document] = []
        source, up, down = documents[place].source, place - 1, place + 1
        while chars > 300:
            can_up = up >= 0 and documents[up].source == source
            can_down = down < len(documents) and documents[down].source == source
            if not can_up and not can_down:
                break
            if can_up and (not can_down or self._random.random() < 0.5):
                other, up = documents[up], up - 1
                piece = self._piece(other, chars)
                before = [*piece, *before]
            else:
                other, down = documents[down], down + 1
                piece = self._piece(other, chars)
                after += piece
            others.append(other)
            chars -= sum(map(len, piece))
        return before, after, others

    def _piece(self, document: Document, chars: int) -> list[str]:
        kept: list[str] = [document.title] if document.title else []
        for block in self._cut(document.blocks):
            if sum(map(len, kept)) > chars:
                break
            kept.append(block)
        return kept

    def _cut(self, blocks: Sequence[str]) -> list[str]:
        """Lists and tables line by line, long paragraphs in pieces of one to four sentences, as on real pages."""
        pieces: list[str] = []
        for block in blocks:
            lines = [line.strip() for line in block.split("\n") if line.strip()]
            if len(lines) > 1:
                pieces += [text for line in lines if (text := _plain_row(line))]
                continue
            rest = sentences(block) if len(block) > 350 else []
            if not rest:
                pieces.append(_plain_row(block) or block)
            while rest:
                size = self._random.randint(1, 4)
                pieces.append(" ".join(rest[:size]))
                rest = rest[size:]
        return pieces

    def _framed(self, blocks: list[str]) -> list[str]:
        """A third of the pages have remains of navigation around the text."""
        if self._random.random() < 0.67:
            return blocks
        crumbs = self._random.sample(_CRUMBS, self._random.randint(2, 6))
        cut = self._random.randint(0, len(crumbs))
        return [*crumbs[:cut], *blocks, *crumbs[cut:]]


def _plain_row(line: str) -> str:
    """A Markdown table row as its cells; nothing for the rule below the header; a list item without its mark."""
    if line.startswith("|"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        return "" if all(re.fullmatch(r":?-*:?", cell) for cell in cells) else " | ".join(cells)
    return re.sub(r"^[-*•]\s+", "", line)
