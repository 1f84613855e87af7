"""Checks of quotations and citations. Listed in __init__."""

from typing import ClassVar, Literal

from server.text.checks.answer import Answer, CheckSpec, Outcome, count
from server.text.grounding import citations


class QuotesVerbatim(CheckSpec):
    """Every quotation stands on the page word for word, in the block that is cited for it."""

    check: Literal["quotes_verbatim"] = "quotes_verbatim"
    when_abstaining: ClassVar[bool] = True

    def run(self, answer: Answer) -> Outcome:
        if answer.text.count('"') % 2:
            return False, "A quotation is opened but not closed."
        found = len(answer.quotes)
        good = sum(quote.verified for quote in answer.quotes)
        if good < found:
            return False, f"{found - good} of {found} quotes do not stand on the page word for word."
        if not found:
            return True, "Nothing is quoted."
        return True, f"{count(good, 'quote stands', 'quotes stand')} on the page word for word."


class CitesBlock(CheckSpec):
    """The answer names at least one block, each block that it names exists, and every quotation has one."""

    check: Literal["cites_block"] = "cites_block"

    def run(self, answer: Answer) -> Outcome:
        cited, blocks = citations(answer.text), {block.n for block in answer.page.blocks}
        wrong = [number for number in cited if number not in blocks]
        if not cited:
            return False, "The answer names no block of the page."
        if wrong:
            return False, f"Block [{wrong[0]}] is not on the page."
        if any(quote.cited is None for quote in answer.quotes):
            return False, "A quote names no block."
        return True, f"{count(len(set(cited)), 'block is', 'blocks are')} cited."
