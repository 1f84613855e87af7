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
    found = find(read.finder, ask.question, parts.encoder, earlier=earlier, read=read.prefix.spans)
    base, settings = parts.base, parts.settings
    turn = base.layout.ask(base.layout.with_passages(ask.question, found.passages), instructions=copilot.instructions)
    room = parts.engine.info.context_tokens - len(read.tokens.ids) - len(turn)
    if room < _ANSWER_TOKENS_MIN:
        raise LimitExceeded(
            "The question is too long for this page. Shorten it, or select a part of the page.",
            code="question_too_long",
        )
    tokens = min(ask.max_tokens or settings.answer_tokens_default, room)
    return found, Request(
        page=read.tokens,
        history=_history(ask.history, base.layout, room=room - tokens),
        turn=turn,
        adapter=copilot.adapter,
        stop_ids=base.stop_ids,
        tokens_max=tokens,
        timeout_s=settings.answer_s_max,
        choose_quote=QuoteChooser(found.ranked, decode=base.decode, encode=base.layout.text),
        unless_sure=abstention(ask.question, base.layout.text) if copilot.adapter else None,
    )


def _history(turns: Sequence[EarlierTurn], layout: PromptLayout, *, room: int) -> list[int]:
    """The latest earlier turns that fit into `room` tokens together with the answer; older ones are forgotten."""
    ids: list[int] = []
    for earlier in reversed(turns):
        turn = layout.history([Turn(earlier.question, earlier.answer)])
        if len(ids) + len(turn) > room:
            break
        ids = turn + ids
    return ids
