"""One thread as a Markdown or JSON file. Called by desk and cli. Pure.

Answers and titles come from pages: in the Markdown, HTML and images are text, so that opening the file loads nothing.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from server.protocol.run import Quote
from server.protocol.threads import KeptTurn, ThreadCard

Format = Literal["markdown", "json"]
FORMAT = "retinue-thread/1"
_NAME_CHARS_MAX = 60
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|!~])")


def export(card: ThreadCard, turns: Sequence[KeptTurn], *, form: Format) -> tuple[str, str]:
    """The file's name and its text."""
    name = re.sub(r"\W+", "-", card.name or card.title).strip("-").lower()[:_NAME_CHARS_MAX] or card.id
    if form == "json":
        return f"{name}.json", _json(card, turns)
    return f"{name}.md", _markdown(card, turns)


def _json(card: ThreadCard, turns: Sequence[KeptTurn]) -> str:
    whole = {"format": FORMAT, "thread": card.model_dump(), "turns": [turn.model_dump() for turn in turns]}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _markdown(card: ThreadCard, turns: Sequence[KeptTurn]) -> str:
    title = _plain(card.name or card.title or card.address)
    head = [f"# {title}", "", f"{_plain(card.title)}, {_plain(card.address)}", ""]
    lines = [line for before, turn in zip([None, *turns], turns, strict=False) for line in _lines(turn, before)]
    return "\n".join(head + lines).rstrip() + "\n"


def _lines(turn: KeptTurn, before: KeptTurn | None) -> list[str]:
    """The question stands once over the answers of a panel."""
    is_next_answer = before is not None and _group(before) is not None and _group(before) == _group(turn)
    asked = datetime.fromtimestamp(turn.asked_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return [
        *([] if is_next_answer else [f"## {_plain(turn.question)}", ""]),
        f"{turn.copilot}, {asked}", "",
        *([_harmless(turn.answer), ""] if turn.answer else []),
        *([f"Rated: {turn.thumb}", ""] if turn.thumb else []),
        *([f"Failed: {_plain(turn.message)}", ""] if turn.message else []),
        *(f"> {_plain(quote.text)}{_place(quote)}\n" for quote in turn.quotes),
    ]  # fmt: skip


def _group(turn: KeptTurn) -> str | None:
    return turn.panel.group if turn.panel else None


def _place(quote: Quote) -> str:
    return f" (block {quote.block})" if quote.verified and quote.block else " (not on the page)"


def _plain(text: str) -> str:
    """One line in which nothing is Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _harmless(answer: str) -> str:
    """Markdown without HTML and images."""
    return answer.replace("<", "\\<").replace("![", "!\\[")
