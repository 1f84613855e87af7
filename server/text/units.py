"""Cuts a page into units that can be found and quoted: sentences, lines, rows; finds the heading above each block.

Called by finder. Knows characters only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from server.text.page import Page

UNIT_CHARS_MIN, UNIT_CHARS_MAX = 12, 480
HEADING_CHARS_MAX = 70

_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|Nos|Art|Sec|Fig|vs?|approx|e\.g|i\.e|cf|al|Inc|Ltd|Co|Jr"
    r"|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec)\.$"
)
_ABBREVIATION_CHARS = 12  # looked back over: a whole text of initials would take quadratic time
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\.{4})[”’)\]]?\s+(?=[\"“‘(\[]?[A-Z0-9$€£])")
_SHORT_FACT = re.compile(r"\d.*[A-Za-z]{2}|[A-Za-z]{2}.*\d|[$€£]")  # "Fee: £5" is a unit, "3." is none
_MARKS = re.compile(r"(?:[-*•|]\s+)+|\s+")
_WORD = re.compile(r"\w")
_CLAUSE_BORDER = re.compile(r"(?<=[;:,|]) |(?<=[，、；：。！？])")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, line or row: characters `start:end` of block `block`."""

    block: int
    start: int
    end: int
    text: str


def units_of(page: Page) -> tuple[Unit, ...]:
    """Every unit of the page in reading order. A long sentence becomes several, cut at the borders of its clauses."""
    found: list[Unit] = []
    for block in page.blocks:
        for start, end in _spans(block.text):
            text = block.text[start:end]
            if len(text) >= UNIT_CHARS_MIN or _SHORT_FACT.search(text):
                found.append(Unit(block.n, start, end, text))
    return tuple(found)


def _spans(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    line_start = 0
    for line in text.split("\n"):
        at = line_start
        for match in _SENTENCE_END.finditer(line):
            end = line_start + match.start() + len(match[0]) - len(match[0].lstrip("”’)]"))
            if not _ABBREVIATION.search(text[max(at, end - _ABBREVIATION_CHARS) : end]):
                spans.append((at, end))
                at = line_start + match.end()
        spans.append((at, line_start + len(line)))
        line_start += len(line) + 1
    whole = (_without_marks(text, start, end) for start, end in spans)
    pieces = (_without_marks(text, *piece) for start, end in whole for piece in _pieces(text, start, end))
    return [(start, end) for start, end in pieces if _WORD.search(text, start, end)]


def _without_marks(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the marks of a list item or table row around it."""
    opening = _MARKS.match(text, start, end)
    start = opening.end() if opening else start
    return start, start + len(text[start:end].rstrip(" |"))


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """`start:end` in spans of at most UNIT_CHARS_MAX characters, none of which starts within a word."""
    while end - start > UNIT_CHARS_MAX:
        room = min(start + UNIT_CHARS_MAX, end - UNIT_CHARS_MIN)  # so that what is left is long enough for a unit
        cut, next_start = _cut(text, start, room, end)
        yield start, cut
        start = next_start
    if start < end:
        yield start, end


def _cut(text: str, start: int, room: int, end: int) -> tuple[int, int]:
    """Where a piece that must end at `room` ends, and where the next starts: at its last clause border, else at its
    last space. Of a word that is longer by itself only the beginning is kept.
    """
    head = text[start:room]
    borders = [match for match in _CLAUSE_BORDER.finditer(head) if match.start() > UNIT_CHARS_MAX // 3]
    if borders:
        return start + borders[-1].start(), start + borders[-1].end()
    space = head.rfind(" ")
    if space > 0:
        return start + space, start + space + 1
    after = text.find(" ", room, end)
    return room, after + 1 if after >= 0 else end


def headings(page: Page) -> dict[int, str]:
    """The heading above each block, empty where there is none. Blocks that are headings are left out: short and without
    an end, above a longer one, or a question. Rows of facts (`Plan: Basic; Price: €5`) are none.
    """
    above: dict[int, str] = {}
    heading = ""
    for before, block, below in zip([None, *page.blocks], page.blocks, [*page.blocks[1:], None], strict=False):
        neighbours = [other.text for other in (before, below) if other is not None]
        if below is not None and _is_heading(block.text, below.text, neighbours):
            heading = block.text
        else:
            above[block.n] = heading
    return above


def _is_heading(text: str, below: str, neighbours: list[str]) -> bool:
    if "\n" in text or len(text) > HEADING_CHARS_MAX or _is_row_of_facts(text, neighbours):
        return False
    return text.endswith("?") or (text[-1] not in ".!?;,”" and " | " not in text and len(below) > len(text))


def _is_row_of_facts(text: str, neighbours: list[str]) -> bool:
    """Several labels with values, or the same label as a block next to it."""
    label, colon, _ = text.partition(": ")
    return bool(colon) and ("; " in text or any(other.startswith(f"{label}: ") for other in neighbours))
