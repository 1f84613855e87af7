"""The frames of teaching: thumbs, corrections, an adapter's versions and reports; and what comes back.

`request` is the client's name for what it asked; the answer, also an `error`, carries it. `place` is where the asking
panel stands, as the extension's background knows it: from inside a web page (`page`) all of this is refused.
"""

from typing import Annotated, Literal

from pydantic import Field

from server.protocol import CopilotId, Frame, Name
from server.protocol.run import CheckResult, Quote

Place = Literal["page", "side", "tab"]
Thumb = Literal["up", "down"]
CORRECTED_CHARS_MAX = 4_000  # what an example may have
TAUGHT_QUESTION_CHARS_MAX = 2_000
ANSWER_CHARS_MAX = 20_000
POSITION_MAX = 2**31

Corrected = Annotated[str, Field(min_length=1, max_length=CORRECTED_CHARS_MAX)]
Question = Annotated[str, Field(min_length=1, max_length=TAUGHT_QUESTION_CHARS_MAX)]


class TurnRate(Frame):
    """A thumb for the answer `run` of a kept thread; null takes it away. It is kept and exported with the turn."""

    type: Literal["turn.rate"]
    request: Name
    place: Place = "page"
    thread: Name
    run: Name
    thumb: Thumb | None


class CorrectionsList(Frame):
    """The corrections of a copilot, the newest first."""

    type: Literal["corrections.list"]
    request: Name
    place: Place = "page"
    copilot: CopilotId
    skip: int = Field(default=0, ge=0, le=POSITION_MAX)


class CorrectionCheck(Frame):
    """Whether `corrected` could be kept: of an answer about the open `page`, or of the kept `correction`."""

    type: Literal["correction.check"]
    request: Name
    place: Place = "page"
    copilot: CopilotId
    page: Name | None = None
    correction: Name | None = None
    question: Question = "?"
    corrected: Corrected


class CorrectionKeep(Frame):
    """Keep what the copilot should have answered, with the text of the open `page`. A private page's is kept with
    `although_private` alone. An earlier correction of the same question on the same page is replaced."""

    type: Literal["correction.keep"]
    request: Name
    place: Place = "page"
    copilot: CopilotId
    page: Name
    question: Question
    answer: str = Field(max_length=ANSWER_CHARS_MAX)
    corrected: Corrected
    although_private: bool = False


class CorrectionChange(Frame):
    type: Literal["correction.change"]
    request: Name
    place: Place = "page"
    copilot: CopilotId
    correction: Name
    corrected: Corrected


class CorrectionDelete(Frame):
    """At once and for good, with the page's text when no other correction needs it."""

    type: Literal["correction.delete"]
    request: Name
    place: Place = "page"
    copilot: CopilotId
    correction: Name


class AdaptersList(Frame):
    """A copilot's own adapters for the running base: the one in use and the earlier ones, with their reports."""

    type: Literal["adapters.list"]
    request: Name
    place: Place = "page"
    copilot: CopilotId


class AdapterRestore(Frame):
    """Use an earlier version; the one in use becomes an earlier one. `shipped`: the adapter that came with Retinue."""

    type: Literal["adapter.restore"]
    request: Name
    place: Place = "page"
    copilot: CopilotId
    version: Annotated[str, Field(pattern=r"^([0-9]{4,9}|shipped)$")]


TeachRequest = (
    TurnRate
    | CorrectionsList
    | CorrectionCheck
    | CorrectionKeep
    | CorrectionChange
    | CorrectionDelete
    | AdaptersList
    | AdapterRestore
)


class CorrectionCard(Frame):
    """`used`: what the adapter in use did with it: learnt from it, was measured on it, or nothing yet."""

    id: str
    copilot: str
    title: str
    address: str
    question: str
    answer: str
    corrected: str
    made_ms: int
    changed_ms: int
    used: Literal["no", "train", "heldout"]


class CorrectionsListed(Frame):
    """`next`: `skip` of the next page, null at the end. `unused`: how many the adapter in use has not learnt from."""

    type: Literal["corrections.listed"] = "corrections.listed"
    request: str
    copilot: str
    corrections: list[CorrectionCard]
    next: int | None
    total: int
    unused: int


class CorrectionChecked(Frame):
    """`fits`: every quotation stands in the page, so it can be kept. `checks`: the copilot's own, its form among them;
    one that does not pass is a hint."""

    type: Literal["correction.checked"] = "correction.checked"
    request: str
    fits: bool
    quotes: list[Quote]
    checks: list[CheckResult]


class CorrectionKept(Frame):
    type: Literal["correction.kept"] = "correction.kept"
    request: str
    correction: CorrectionCard


class Measure(Frame):
    """One figure before and after, on `examples` held-out examples. `low`, `high`: the 95 % interval of the change,
    null where it was not measured. `verdict`: `unclear` when the interval holds zero, `none` without examples."""

    name: Literal["checks", "block", "abstention", "loss", "forgetting"]
    before: float
    after: float
    low: float | None
    high: float | None
    examples: int
    verdict: Literal["better", "worse", "unclear", "none"]


class Sample(Frame):
    question: str
    before: str
    after: str


class AdapterReport(Frame):
    """What an adapter gained and lost. `active`: its own report lets it be used; `reason` says why or why not."""

    active: bool
    reason: str
    examples: int
    pages: int
    corrections: int
    measures: list[Measure]
    samples: list[Sample]


class AdapterVersion(Frame):
    """`id`: a number, or `shipped` for what answers without one of the user's own."""

    id: str
    in_use: bool
    made_ms: int | None
    report: AdapterReport | None


class AdaptersListed(Frame):
    """The one in use first, then the earlier ones, the newest first."""

    type: Literal["adapters.listed"] = "adapters.listed"
    request: str
    copilot: str
    versions: list[AdapterVersion]


class TeachDone(Frame):
    """What was asked is done."""

    type: Literal["teach.done"] = "teach.done"
    request: str


class CorrectionsChanged(Frame):
    """To every client: a copilot's corrections or versions are others now."""

    type: Literal["corrections.changed"] = "corrections.changed"
    copilot: str


TeachFrame = CorrectionsListed | CorrectionChecked | CorrectionKept | AdaptersListed | TeachDone | CorrectionsChanged
