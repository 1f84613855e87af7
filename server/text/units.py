"""Cuts a page into units that can be found and quoted: sentences, lines, rows; finds the heading above each block.

Called by finder. Knows characters only.
"""

import re
from dataclasses import dataclass

from server.text.page import Page

UNIT_CHARS_MIN, UNIT_CHARS_MAX = 12, 480
HEADING_CHARS_MAX = 70

_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|Nos|Art|Sec|Fig|vs|approx|e\.g|i\.e|cf|al|Inc|Ltd|Co|Jr)\.$"
)
_ABBREVIATION_CHARS = 12  # looked back over: a whole text of initials would take quadratic time
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\.{4})[”’)\]]?\s+(?=[\"“‘(\[]?[A-Z0-9$€£])")
_SHORT_FACT = re.compile(r"\d.*[A-Za-z]{2}|[A-Za-z]{2}.*\d|[$€£]")  # "Fee: £5" is a unit, "3." is none
_MARKS = re.compile(r"(?:[-*•|]\s+)+|\s+")
_WORD = re.compile(r"\w")
_CUT = re.compile(r"(?<=[;:,]) ")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, line or row: characters `start:end` of block `block`."""

    block: int
    start: int
    end: int
    text: str


def units_of(page: Page) -> tuple[Unit, ...]:
    """Every unit of the page in reading order. A long sentence is cut at a comma or space, never its beginning."""
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
    trimmed = (_without_marks(text, start, end) for start, end in spans)
    return [(start, _limit(text, start, end)) for start, end in trimmed if _WORD.search(text, start, end)]


def _without_marks(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the marks of a list item or table row around it."""
    opening = _MARKS.match(text, start, end)
    start = opening.end() if opening else start
    return start, start + len(text[start:end].rstrip(" |"))


def _limit(text: str, start: int, end: int) -> int:
    """The end of a unit of at most UNIT_CHARS_MAX characters: the last clause border that fits, else a space."""
    if end - start <= UNIT_CHARS_MAX:
        return end
    head = text[start : start + UNIT_CHARS_MAX]
    borders = [match.start() for match in _CUT.finditer(head) if match.start() > UNIT_CHARS_MAX // 3]
    return start + (borders[-1] if borders else head.rfind(" ") if " " in head else len(head))


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
