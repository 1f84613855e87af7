"""What the server sends."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from server.protocol import VERSION, Frame, Hex32
from server.protocol.run import RunFrame


class Challenge(Frame):
    """`mac` proves that the server knows the key: the client checks it before it sends anything else."""

    type: Literal["challenge"] = "challenge"
    version: int = VERSION
    nonce: Hex32
    mac: Hex32


class BaseCard(Frame):
    name: str
    parameters: int
    context_tokens: int


class CopilotCard(Frame):
    """`mode`: tuned has an adapter of its own for the running base, domain answers with that of its category, general
    with the general one, instructed has instructions alone, base has neither. `icon`: of the category. `trainable`:
    there are examples to make an adapter from."""

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


class Ready(Frame):
    type: Literal["ready"] = "ready"
    session: str
    server: str
    base: BaseCard
    copilots: list[CopilotCard]


class Error(Frame):
    """A refusal that belongs to no run. `page` when it is about a page."""

    type: Literal["error"] = "error"
    code: str
    message: str
    page: str | None = None
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
    """`blocks_read` < `blocks_total`: the page is longer than the base model's context; 0 when the first block is."""

    type: Literal["page.ready"] = "page.ready"
    page: str
    tokens: int
    cached_tokens: int
    blocks_read: int
    blocks_total: int
    ms: int


class TrainProgress(Frame):
    """How far the one training is. `percent` and `remaining_s` are of the phase `training`, null where not known."""

    type: Literal["train.progress"] = "train.progress"
    copilot: str
    phase: Literal["preparing", "training", "measuring"]
    percent: int | None = None
    remaining_s: int | None = None


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
    `activated` says whether the adapter is used from now on."""

    type: Literal["train.report"] = "train.report"
    copilot: str
    activated: bool
    why: str
    code: str | None = None
    figures: TrainFigures | None = None


class CopilotList(Frame):
    """The copilots as they are now; takes the place of the list in `ready`."""

    type: Literal["copilots"] = "copilots"
    copilots: list[CopilotCard]


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
    | CopilotList
    | Pong
    | GoingAway,
    Field(discriminator="type"),
]
SERVER_FRAME: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)
