"""The check of section labels. Listed in __init__."""

import re
from collections.abc import Sequence
from typing import Literal

from server.text.checks.answer import Answer, CheckSpec, Outcome, fold
from server.text.grounding import Quotation
from server.text.page import Page

_LABEL_WORD = (
    r"(?:sections?|sec\.|articles?|art\.|clauses?|paragraphs?|para\.|schedules?|exhibits?|annex|appendix|rules?"
    r"|chapters?|parts?)"
)
_NUMBER = r"(?:[a-z]?\d+(?:\.\d+)*|[ivxlc]+|[a-z])(?:\([a-z0-9]{1,4}\))*"
_LABEL = re.compile(rf"(?<!\w)(?P<label>(?:{_LABEL_WORD}\s+|(?<!§)§+\s*)(?P<name>{_NUMBER}))(?!\w)", re.IGNORECASE)
_UNDER = re.compile(r"(?:^|[.!?:;]\s+|[-*•]\s+|\],?\s+)(?P<label>[Uu]nder (?P<name>[^:\n]{2,80})):", re.MULTILINE)
_CITED_BEFORE = re.compile(r'"[^"\n]*"\s*\[\d{1,5}\],?\s*$')
_QUOTE_CHARS_MAX = 2_100  # of a quotation with its block
_LABELS_MAX = 64  # each is looked up on the whole page


class SectionNamed(CheckSpec):
    """The answer names a section, clause or article of the page (`Section 9.2`, `Under Fees:`), and a quotation right
    after or before the label stands under it.
    """

    check: Literal["section_named"] = "section_named"

    def run(self, answer: Answer) -> Outcome:
        labels = [*_LABEL.finditer(answer.own_words), *_UNDER.finditer(answer.own_words)]
        if not 0 < len(labels) <= _LABELS_MAX:
            return False, "The answer names no section of the page." if not labels else "It names too many sections."
        for label in labels:
            numbered = label.re is _LABEL
            name = label["label"].strip() if numbered else label["name"].strip()
            if not (_label_stands if numbered else _heading_stands)(label, answer.page):
                return False, f"“{name}” does not stand on the page."
            quote = _quote_of(label, labels, answer)
            if quote is not None and not (_numbers_section if numbered else _heads_section)(label, quote, answer.page):
                return False, f"The quote [{quote.block}] does not stand under “{name}”."
        return True, f"“{labels[0]['label']}” is where the quote stands."


def _quote_of(label: re.Match[str], labels: Sequence[re.Match[str]], answer: Answer) -> Quotation | None:
    """The verified quotation that a label is about: the first one after it on its line where the label begins that
    line or stands right before it (`Section 2: it may. "…"`), else the one right before it (`"…" [3] Section 2: …`).
    """
    text, start, end = answer.text, label.start("label"), label.end()
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end) if "\n" in text[end:] else len(text)
    next_label = min((other.start("label") for other in labels if other.start("label") >= end), default=len(text))
    after = next((quote.at for quote in answer.quotes if end <= quote.at < min(line_end, next_label)), None)
    quoted = _CITED_BEFORE.search(text, max(0, start - _QUOTE_CHARS_MAX), start)
    if after is not None and (text[line_start:start].strip("-*• ") == "" or text[end:after].strip(": ") == ""):
        at = after
    elif quoted is not None:
        at = quoted.start()
    else:
        return None
    return next((quote for quote in answer.quotes if quote.at == at and quote.verified), None)


def _label_stands(label: re.Match[str], page: Page) -> bool:
    """The whole label anywhere, or its number (sub-letters aside) at the head of a line or after such a word."""
    whole = fold(label["label"])
    number = re.escape(fold(label["name"]).split("(")[0])
    stands = re.compile(rf"{_head(number)}|(?<!\w)(?:{_LABEL_WORD}\s+|(?<!§)§+\s*){number}(?!\w)", re.MULTILINE)
    return any(whole in text or stands.search(text) for text in (block.text.casefold() for block in page.blocks))


def _numbers_section(label: re.Match[str], quote: Quotation, page: Page) -> bool:
    """No other number of the label's kind heads a line between the label's own line and the quote."""
    number = fold(label["name"]).split("(")[0]
    before = _before(quote, page).casefold()
    own = [match.start() for match in re.finditer(_head(re.escape(number)), before, re.MULTILINE)]
    if not own:  # named in running text only, or after the quote
        return fold(label["label"]) in fold(next(block.text for block in page.blocks if block.n == quote.block))
    kind = r"[a-z]?\d+" + r"\.\d+" * number.count(".") if number[-1].isdigit() else r"[ivxlc]+|[a-z]"
    last = max(match.start() for match in re.finditer(_head(f"(?:{kind})"), before, re.MULTILINE))
    return own[-1] >= last


def _head(number: str) -> str:
    """A line that begins with this number, with or without a word before it."""
    ends = r"[.):\s—–-](?!\d)" if "\\d" in number or number[-1].isdigit() else r"[.):—–-](?!\d)"
    return rf"^(?:#+\s*)?(?:(?:{_LABEL_WORD}\s+|§+\s*){number}(?![\w.]\w)|{number}(?:{ends}|$))"


def _heading_stands(label: re.Match[str], page: Page) -> bool:
    texts = [fold(text) for text in (page.title, *(block.text for block in page.blocks))]
    return any(name in text for name in _names(label) for text in texts)


def _heads_section(label: re.Match[str], quote: Quotation, page: Page) -> bool:
    """The heading stands before the quote."""
    before = fold(f"{page.title} {_before(quote, page)}")
    return any(name in before for name in _names(label))


def _before(quote: Quotation, page: Page) -> str:
    """The page up to the quote, a line for each block."""
    assert quote.block is not None  # noqa: S101 - callers pass verified quotes
    texts = [block.text if block.n < quote.block else block.text[: quote.end] for block in page.blocks
             if block.n <= quote.block]  # fmt: skip
    return "\n".join(texts)


def _names(label: re.Match[str]) -> list[str]:
    """What the heading may be: `Under Fees:` names it whole, `Under Fees, late payment:` before the comma."""
    whole = fold(label["name"])
    return [name for name in (part.strip(" “”'\"") for part in (whole, whole.partition(",")[0])) if name]
