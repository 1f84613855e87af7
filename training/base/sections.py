"""Contracts and policies: pages of many short clauses that begin alike, and the section that a block stands in.

Few pages of the corpus are cut that finely, so a part of them is cut here: one sentence a block, under numbered
headings. A model that has seen a dozen blocks a page finds nothing among sixty.
"""

import random
import re
from collections.abc import Sequence

from server.page import Page
from training.base.words import COMMON, WORD, sentences

HEADING_CHARS_MAX = 60
CLAUSES_MAX = 7  # under a made heading
_STYLES = (
    ("{n}. {heading}", "{n}.{m} {text}"),
    ("{n}. {heading}", "{n}.{m} {text}"),
    ("Section {n}. {heading}", "{n}.{m} {text}"),
    ("Section {n}. {heading}", "({letter}) {text}"),
    ("Article {n}. {heading}", "{text}"),
    ("Article {roman}. {heading}", "{m}. {text}"),
    ("Clause {n}: {heading}", "{text}"),
    ("§ {n} {heading}", "({m}) {text}"),
    ("Rule {n}. {heading}", "{text}"),
    ("{n}. {heading}", "{text}"),
    ("{heading}", "{text}"),
    ("{heading}", "- {text}"),
)  # fmt: skip
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
_NUMBERED = re.compile(r"(\d+\.\d+)[.)]? ")
_HEADED = re.compile(r"(Section|Article|Clause|Rule|Chapter|Part|Schedule|§) ?(\d+|[IVX]+|[A-Z])\b")
_MARK = re.compile(r"(?:\d+(?:\.\d+)*[.)]?|\([a-z\d]+\)|-) ")
_LISTED = re.compile(r"(\d+)\.? [A-Z]")


def clauses(blocks: Sequence[str], choose: random.Random) -> list[str]:
    """The sentences of `blocks`, each a block, under the blocks' own headings or made ones, numbered in one style."""
    head, body = choose.choice(_STYLES)
    made: list[str] = []
    section = choose.choice((0, 0, 0, 1, 3, 8))  # pages are often cut out of the middle
    clause = left = 0
    for block in blocks:
        own = is_heading(block)
        for text in [""] if own else sentences(block):
            if own or left == 0:
                section, clause, left = section + 1, 0, choose.randint(2, CLAUSES_MAX)
                heading = block.rstrip(":") if own else _heading(text, choose)
                made.append(head.format(n=section, roman=_ROMAN[section % 10 - 1], heading=heading))
            if text:
                clause, left = clause + 1, left - 1
                letter = "abcdefghij"[clause % 10 - 1]
                made.append(body.format(n=section, m=clause, letter=letter, text=text))
    return made


def is_heading(block: str) -> bool:
    return len(block) <= HEADING_CHARS_MAX and block[:1].isupper() and block[-1:].isalnum() and "\n" not in block


def section_of(page: Page, number: int) -> str | None:
    """How an answer names the section of block `number`: `Section 7.1`, `Article IV`, `Under Returns`; None without."""
    above = [block.text for block in page.blocks if block.n <= number]
    if numbered := _NUMBERED.match(above[-1]):
        return f"Section {numbered[1]}"
    for text in reversed(above):
        if headed := _HEADED.match(text):
            return f"{headed[1]} {headed[2]}"
        if (listed := _LISTED.match(text)) and is_heading(unnumbered(text)):
            return f"Section {listed[1]}"
        if is_heading(text) and text is not above[-1]:
            return f"Under {text}"
    return None


def unnumbered(sentence: str) -> str:
    """Without the number or mark that a clause begins with."""
    return _MARK.sub("", sentence)


def _heading(text: str, choose: random.Random) -> str:
    """A word or two of the sentence, as headings name what follows."""
    named = [word for word in WORD.findall(text) if len(word) > 4 and word.lower() not in COMMON] or ["General"]
    chosen = choose.sample(named, min(len(named), choose.randint(1, 2)))
    return " and ".join(word.lower() for word in chosen).capitalize()
