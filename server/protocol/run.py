"""The events of one answer, in the order of their `seq`."""

from typing import Literal

from pydantic import Field

from server.protocol import PANEL_MAX, Frame, Name


class PanelPlace(Frame):
    """Which of a panel's answers one is: `group` names the panel, `place` counts its copilots from 0."""

    group: Name
    place: int = Field(ge=0, le=PANEL_MAX - 1)


class RunStart(Frame):
    type: Literal["run.start"] = "run.start"
    run: str
    seq: int
    copilot: str
    mode: Literal["tuned", "domain", "general", "instructed", "base"]


class PassageCard(Frame):
    """A sentence, line or row that the finder took for likely; `score` is at best about 1.5."""

    block: int
    text: str
    score: float


class RunPassages(Frame):
    """What the answer was asked to look at, and what the finder `considered` beyond it, each best first. Comes once,
    before the first text."""

    type: Literal["run.passages"] = "run.passages"
    run: str
    seq: int
    passages: list[PassageCard]
    considered: list[PassageCard] = Field(default=[])


class RunDelta(Frame):
    type: Literal["run.delta"] = "run.delta"
    run: str
    seq: int
    text: str


class Quote(Frame):
    """`at`: offset of the opening mark in the answer, in UTF-16 units. `block` is 1-based, `start` and `end` are
    UTF-16 offsets into that block as the client sent it; all three null when the quote is not on the page."""

    text: str
    verified: bool
    at: int
    block: int | None
    start: int | None
    end: int | None


class RunQuote(Frame):
    type: Literal["run.quote"] = "run.quote"
    run: str
    seq: int
    quote: Quote


class CheckResult(Frame):
    """One check of the copilot on the finished answer. `note` is a sentence for people."""

    name: str
    passed: bool
    note: str


class Usage(Frame):
    page_tokens: int
    cached_tokens: int
    prompt_tokens: int
    answer_tokens: int


class Timings(Frame):
    ttft_ms: int
    total_ms: int


class RunDone(Frame):
    type: Literal["run.done"] = "run.done"
    run: str
    seq: int
    reason: Literal["stop", "length", "cancelled"]
    answer: str
    quotes: list[Quote]
    checks: list[CheckResult]
    usage: Usage
    timings: Timings


class RunError(Frame):
    type: Literal["run.error"] = "run.error"
    run: str
    seq: int
    code: str
    message: str
    retry_after_ms: int | None = None


RunFrame = RunStart | RunPassages | RunDelta | RunQuote | RunDone | RunError
