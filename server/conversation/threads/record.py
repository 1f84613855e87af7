"""A run that has ended -> the turn that is kept of it. Called by session. Never holds the page's text."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.conversation.threads.address import normalised
from server.errors import RetinueError
from server.protocol.client import Ask, PageOpen
from server.protocol.run import Quote, RunDelta, RunDone, RunError, RunFrame, RunQuote, RunStart
from server.protocol.threads import KeptTurn


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A finished turn. `thread` is the one that it goes on; `turn` has no position yet."""

    thread: str
    address: str
    title: str
    turn: KeptTurn

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of what is kept of the turn itself."""
        texts = [self.turn.question, self.turn.answer, *(quote.text for quote in self.turn.quotes)]
        return sum(len(text.encode("utf-8", errors="replace")) for text in texts)


class Keeping(Protocol):
    """The keeper, as a session sees it: never waits, never raises."""

    def keep(self, new: NewTurn, *, failed: Callable[[RetinueError], None]) -> None: ...


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What is kept of a page: where it is and what it is called."""

    title: str
    address: str
    private: bool

    @classmethod
    def of(cls, frame: PageOpen) -> "PageFacts":
        return cls(" ".join(frame.title.split()), normalised(frame.url), frame.private)


NO_PAGE_FACTS = PageFacts("", "", private=False)


def new_thread() -> str:
    return secrets.token_hex(8)


def record(
    ask: Ask, page: PageFacts, events: Sequence[RunFrame], *, thread: str, asked_ms: int, ended_ms: int
) -> NewTurn:
    """`events` begin with `run.start` and end with `run.done` or `run.error`."""
    start, end = events[0], events[-1]
    if not isinstance(start, RunStart) or not isinstance(end, RunDone | RunError):
        raise ValueError("not the events of a run that ended")
    code, message = (end.code, end.message) if isinstance(end, RunError) else (None, None)
    turn = KeptTurn(
        position=0, run=ask.run, copilot=start.copilot, mode=start.mode, question=ask.question,
        answer=_answer(events), quotes=_quotes(events), reason=end.reason if isinstance(end, RunDone) else None,
        code=code, message=message, asked_ms=asked_ms, ended_ms=ended_ms, panel=ask.panel,
    )  # fmt: skip
    return NewTurn(thread, page.address, page.title, turn)


def _answer(events: Sequence[RunFrame]) -> str:
    """Also of an answer that failed in its middle."""
    end = events[-1]
    return end.answer if isinstance(end, RunDone) else "".join(one.text for one in events if isinstance(one, RunDelta))


def _quotes(events: Sequence[RunFrame]) -> list[Quote]:
    end = events[-1]
    return end.quotes if isinstance(end, RunDone) else [one.quote for one in events if isinstance(one, RunQuote)]
