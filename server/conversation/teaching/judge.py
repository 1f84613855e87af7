"""Whether a correction can be learnt from: do its quotations stand in the page, and what do the copilot's checks say.

Called by desk, in a thread. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.catalog.copilots import Copilot
from server.conversation.frames import wire_quote
from server.errors import TeachError
from server.protocol.run import CheckResult, Quote
from server.text.checks import run_checks
from server.text.grounding import QUOTES_MAX, quotations
from server.text.page import Page

_SHOWN_CHARS_MAX = 80


@dataclass(frozen=True, slots=True)
class Judged:
    quotes: list[Quote]
    checks: list[CheckResult]

    @property
    def fits(self) -> bool:
        return all(quote.verified for quote in self.quotes)


def judge(corrected: str, *, page: Page, question: str, copilot: Copilot) -> Judged:
    quotes = [wire_quote(quote, page, corrected) for quote in quotations(corrected, page)]
    found = run_checks(copilot.checks, corrected, page=page, question=question)
    return Judged(quotes, [CheckResult(name=one.name, passed=one.passed, note=one.note) for one in found])


def refuse_unless_it_fits(quotes: Sequence[Quote]) -> None:
    """Raises TeachError (`teach_quote`) that names the first quotation that is not on the page."""
    wrong = next((quote for quote in quotes if not quote.verified), None)
    if wrong is None:
        return
    text = wrong.text if len(wrong.text) <= _SHOWN_CHARS_MAX else f"{wrong.text[:_SHOWN_CHARS_MAX]}…"
    why = "is not in this page" if len(quotes) <= QUOTES_MAX else f"is beyond the {QUOTES_MAX} that are looked up"
    raise TeachError(f"The quotation “{text}” {why}. Copy it word for word, or take it out.", code="teach_quote")
