"""A question on a read page -> what the engine is asked: search, prompt, earlier turns, quotation chooser.

Called by run, in a thread. Knows the token layout; no frames but the question's.
"""

from collections.abc import Sequence

from server.catalog.copilots import Copilot
from server.conversation.evidence import Found, QuoteChooser, abstention, find
from server.conversation.pages import Parts, ReadPage
from server.engine import Request
from server.errors import LimitExceeded
from server.protocol.client import Ask, EarlierTurn
from server.text.prompt import PromptLayout, Turn

_ANSWER_TOKENS_MIN = 16  # less room than this is no answer


def prepare(ask: Ask, read: ReadPage, *, copilot: Copilot, parts: Parts) -> tuple[Found, Request]:
    """Slow: a search encodes the question. Raises LimitExceeded (`question_too_long`)."""
    earlier = ask.history[-1].question if ask.history else ""
    found = find(read.finder, ask.question, parts.encoder, earlier=earlier, read=read.prefix.whole)
    base, settings = parts.base, parts.settings
    turn = base.layout.ask(base.layout.with_passages(ask.question, found.passages), instructions=copilot.instructions)
    room = parts.engine.info.context_tokens * base.ids_per_token - len(read.tokens.ids) - len(turn)
    if room < _ANSWER_TOKENS_MIN * base.ids_per_token:
        raise LimitExceeded(
            "The question is too long for this page. Shorten it, or select a part of the page.",
            code="question_too_long",
        )
    tokens = min(ask.max_tokens or settings.answer_tokens_default, room // base.ids_per_token)
    return found, Request(
        page=read.tokens,
        history=_history(ask.history, base.layout, room=room - tokens * base.ids_per_token),
        turn=turn,
        adapter=copilot.adapter,
        stop_ids=base.stop_ids,
        tokens_max=tokens,
        timeout_s=settings.answer_s_max,
        choose_quote=_chooser(found, parts),
        unless_sure=abstention(ask.question, copilot.adapter, base.layout.text, instructed=bool(copilot.instructions)),
        attempt=ask.attempt,
    )


def _chooser(found: Found, parts: Parts) -> QuoteChooser | None:
    """For an engine that asks what to quote; with any other a quotation is the model's, or a grammar's."""
    if parts.engine.capabilities.quotes != "guard":
        return None
    return QuoteChooser(found.ranked, decode=parts.base.decode, encode=parts.base.layout.text)


def _history(turns: Sequence[EarlierTurn], layout: PromptLayout, *, room: int) -> list[int]:
    """The latest earlier turns that fit into `room` tokens together with the answer; older ones are forgotten."""
    ids: list[int] = []
    for earlier in reversed(turns):
        turn = layout.history([Turn(earlier.question, earlier.answer)])
        if len(ids) + len(turn) > room:
            break
        ids = turn + ids
    return ids
