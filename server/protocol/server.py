"""What the server sends."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from server.protocol import VERSION, Frame, Hex32
from server.protocol.copilots import OwnFrame
from server.protocol.documents import DocumentsFrame
from server.protocol.engines import BaseCard, EngineCard, EngineFrame
from server.protocol.run import RunFrame
from server.protocol.teaching import AdapterReport, TeachFrame
from server.protocol.threads import ThreadFrame


class Challenge(Frame):
    """`mac` proves that the server knows the key: the client checks it before it sends anything else."""

    type: Literal["challenge"] = "challenge"
    version: int = VERSION
    nonce: Hex32
    mac: Hex32


class CopilotCard(Frame):
    """`mode`: tuned has an adapter of its own for the running base, domain answers with that of its category, general
    with the general one, instructed has instructions alone, base has neither. `icon`: of the category. `trainable`:
    there are examples to make an adapter from. `own`: the user wrote it."""

    id: str
    name: str
    category: str
    category_name: str
    icon: str
    promise: str
    starters: list[str]
    mode: Literal["tuned", "domain", "general", "instructed", "base"]
    refused: str | None = None  # why its adapter is not used, a sentence
    trainable: bool = False
    own: bool = False


class PanelPreset(Frame):
    """Copilots that go well together on pages of a category, in the order in which they answer."""

    category: str
    category_name: str
    icon: str
    copilots: list[str]


class Ready(Frame):
    type: Literal["ready"] = "ready"
    session: str
    server: str
    base: BaseCard
    engine: EngineCard = EngineCard()
    copilots: list[CopilotCard]
    panels: list[PanelPreset] = Field(default=[])
    history: bool = False  # whether conversations are kept here


class Error(Frame):
    """A refusal that belongs to no run. `page` when it is about a page, `request` when it answers one, `field` when one
    field of what was sent is to blame."""

    type: Literal["error"] = "error"
    code: str
    message: str
    page: str | None = None
    request: str | None = None
    field: str | None = None
    retry_after_ms: int | None = None


class SuggestedCopilot(Frame):
    """`why`: words of the page for which it is suggested; empty when only the meaning is near."""

    copilot: str
    why: list[str]


class PageSuggested(Frame):
    """The copilots that fit the page, best first. Nothing is switched by it."""

    type: Literal["page.suggested"] = "page.suggested"
    page: str
    copilots: list[SuggestedCopilot]


class PageReading(Frame):
    type: Literal["page.reading"] = "page.reading"
    page: str
    tokens_done: int
    tokens_total: int


class PageReady(Frame):
    """`blocks_read` < `blocks_total`: the page is longer than the base model's context; 0 when the first block is.
    `ordering`: numbers of blocks that give orders to whatever program reads the page."""

    type: Literal["page.ready"] = "page.ready"
    page: str
    tokens: int
    cached_tokens: int
    blocks_read: int
    blocks_total: int
    ms: int
    ordering: list[int] = Field(default=[])


Phase = Literal["preparing", "training", "measuring", "paused"]


class LossPoint(Frame):
    """Loss per answer token, in nats, after so many steps."""

    step: int
    loss: float


class TrainProgress(Frame):
    """How far the one training is. `percent` is of its steps, `remaining_s` to its report; null where not known.
    `paused`: the server ended meanwhile, and `train.start` goes on. Each frame has all losses so far, thinned."""

    type: Literal["train.progress"] = "train.progress"
    copilot: str
    phase: Phase
    percent: int | None = None
    remaining_s: int | None = None
    steps: int | None = None
    trained: list[LossPoint] = Field(default=[])
    heldout: list[LossPoint] = Field(default=[])


class BeforeAfter(Frame):
    before: float
    after: float


class TrainFigures(Frame):
    """On held-out pages: loss per answer token, share of the copilot's own checks that answers pass, and the share by
    which the loss on general questions rose (negative: it fell)."""

    loss: BeforeAfter
    checks: BeforeAfter
    general_rise: float


class TrainReport(Frame):
    """How a training ended, `why` in a sentence. `code` is null when it was measured: then there are figures, and
    `activated` says whether the adapter is used from now on. `report` has what it gained and forgot, and the losses are
    those of the last progress."""

    type: Literal["train.report"] = "train.report"
    copilot: str
    activated: bool
    why: str
    code: str | None = None
    figures: TrainFigures | None = None
    report: AdapterReport | None = None
    trained: list[LossPoint] = Field(default=[])
    heldout: list[LossPoint] = Field(default=[])


class CopilotList(Frame):
    """The copilots and panels as they are now; takes the place of those in `ready`."""

    type: Literal["copilots"] = "copilots"
    copilots: list[CopilotCard]
    panels: list[PanelPreset] = Field(default=[])


class DoctorLine(Frame):
    """One thing that was looked at, as a line of `retinue doctor --json`."""

    what: str
    code: str
    fix: str


class DoctorReport(Frame):
    """What is in order on the server's machine, the same checks as `retinue doctor`."""

    type: Literal["doctor.report"] = "doctor.report"
    lines: list[DoctorLine]


class Pong(Frame):
    """Answer to ping, and sent unasked as a heartbeat."""

    type: Literal["pong"] = "pong"


class GoingAway(Frame):
    type: Literal["going_away"] = "going_away"


TrainFrame = TrainProgress | TrainReport
ServerFrame = Annotated[
    Challenge
    | Ready
    | Error
    | PageSuggested
    | PageReading
    | PageReady
    | RunFrame
    | TrainFrame
    | ThreadFrame
    | TeachFrame
    | OwnFrame
    | DocumentsFrame
    | EngineFrame
    | CopilotList
    | DoctorReport
    | Pong
    | GoingAway,
    Field(discriminator="type"),
]
SERVER_FRAME: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)
