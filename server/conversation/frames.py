"""Parts of an answer's frames: passages, quotations in the client's offsets, usage. Called by run."""

from collections.abc import Sequence

from server.conversation.pages import Parts, ReadPage
from server.engine import Finished, Request
from server.protocol.run import PassageCard, Quote, Usage
from server.text.finder import Passage
from server.text.grounding import Quotation
from server.text.page import Page
from server.text.stream import utf16_len


def cards(passages: Sequence[Passage]) -> list[PassageCard]:
    return [PassageCard(block=one.unit.block, text=one.unit.text, score=round(one.score, 3)) for one in passages]


def wire_quote(quote: Quotation, page: Page, answer: str) -> Quote:
    block = next((block for block in page.blocks if block.n == quote.block), None)
    start, end = block.raw_span(quote.start, quote.end) if block else (None, None)
    at = utf16_len(answer[: quote.at])
    return Quote(text=quote.text, verified=quote.verified, at=at, block=quote.block, start=start, end=end)


def usage(
    read: ReadPage | None, request: Request | None, end: Finished | None, *, answer_ids: int, parts: Parts
) -> Usage:
    """As the engine counted; of an answer that did not come to its end, as far as it is known."""
    page_tokens, scale = read.info.tokens if read else 0, parts.base.ids_per_token
    prompt = page_tokens + (len(request.history) + len(request.turn)) // scale if request else page_tokens
    held = page_tokens if parts.engine.capabilities.counts_cached else 0
    return Usage(
        page_tokens=page_tokens,
        cached_tokens=end.cached_tokens if end else held,
        prompt_tokens=end.prompt_tokens if end else prompt,
        answer_tokens=end.answer_tokens if end else answer_ids // scale,
    )
