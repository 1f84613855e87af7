"""A chat's messages -> the page, the question and earlier turns. Called by answers. Knows text only."""

import re
from dataclasses import dataclass

from server.errors import PageError, RetinueError
from server.protocol.client import EarlierTurn
from server.transport.api.wire import ChatRequest, Message

_PARAGRAPH = re.compile(r"\n[ \t]*\n+")


@dataclass(frozen=True, slots=True)
class Conversation:
    title: str
    url: str
    blocks: list[str]
    question: str
    history: list[EarlierTurn]


def read_messages(request: ChatRequest, *, turns_max: int) -> Conversation:
    """Without `page` in the request, the first message holds it: all paragraphs above the last, which is the question.
    What system messages say goes ahead of the last question. The latest `turns_max` earlier turns are kept.

    Raises PageError (`page_missing`), RetinueError (`messages_invalid`).
    """
    said = _turns(request.messages)
    page, first = request.page, said[0][0]
    if page is not None:
        blocks = page.blocks if page.blocks is not None else _PARAGRAPH.split(page.text or "")
    else:
        blocks, first = _page_and_question(first)
    asked = [first, *(question for question, _ in said[1:])]
    earlier = [EarlierTurn(question=asked[place], answer=answer) for place, (_, answer) in enumerate(said[:-1])]
    system = "\n".join(message.text for message in request.messages if message.role in ("system", "developer"))
    return Conversation(
        title=page.title if page else "", url=page.url if page else "", blocks=blocks,
        question=f"{system}\n\n{asked[-1]}" if system.strip() else asked[-1],
        history=earlier[-turns_max:] if turns_max else [],
    )  # fmt: skip


def _turns(messages: list[Message]) -> list[tuple[str, str]]:
    """Question and answer of each turn; the last has no answer yet."""
    found: list[tuple[str, str]] = []
    waiting: list[str] = []
    for message in messages:
        if message.role == "user":
            waiting.append(message.text)
        elif message.role == "assistant":
            if not waiting:
                raise RetinueError("An answer comes before any question.", code="messages_invalid")
            found.append(("\n\n".join(waiting), message.text))
            waiting = []
    if not waiting:
        raise RetinueError("The last message must be a user's question.", code="messages_invalid")
    return [*found, ("\n\n".join(waiting), "")]


def _page_and_question(text: str) -> tuple[list[str], str]:
    *blocks, question = _PARAGRAPH.split(text.strip())
    if not blocks:
        raise PageError(
            "There is no page to answer from. Send it as `page`, or in the first message above the question, "
            "with an empty line between them.",
            code="page_missing",
        )
    return blocks, question
