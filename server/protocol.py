"""Every frame of the socket: JSON text, one strict model each. `make protocol` writes the TypeScript.

client: hello -> (challenge) -> proof -> (ready), then page.open, page.close, ask, cancel, resume, train.start,
        train.cancel, ping
server: challenge, ready, error, page.reading, page.ready, run.start, run.passages, run.delta, run.quote, run.done,
        run.error, train.progress, train.report, copilots, pong, going_away
Events of one run carry `seq` 0, 1, 2 … so that a client that reconnects can ask for what it missed. A training
belongs to the server: every client hears of it, and a new one hears its latest frame right after `ready`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

VERSION = 2  # one more in each release whose frames an older client would not understand

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
CopilotId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}(/[a-z0-9][a-z0-9-]{0,63})?$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Frame(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )


# --- client to server ---------------------------------------------------------------------------


class Hello(Frame):
    """`pair` asks for a new key from the code that the terminal shows; `proof` uses the stored key."""

    type: Literal["hello"]
    version: int = Field(ge=1, le=1_000)
    mode: Literal["pair", "proof"]
    nonce: Hex32


class Proof(Frame):
    type: Literal["proof"]
    mac: Hex32


class PageOpen(Frame):
    """The page's blocks in reading order; block n of an answer is blocks[n - 1]. Settings limit how many."""

    type: Literal["page.open"]
    page: Name
    title: str = Field(max_length=2_000)
    url: str = Field(max_length=8_000)
    blocks: list[str]


class PageClose(Frame):
    type: Literal["page.close"]
    page: Name


class EarlierTurn(Frame):
    question: str
    answer: str


class Ask(Frame):
    """`copilot` is an id such as legal/contract-review, or `generalist`."""

    type: Literal["ask"]
    run: Name
    page: Name
    copilot: CopilotId
    question: str
    history: list[EarlierTurn] = Field(default=[], max_length=64)
    max_tokens: int | None = Field(default=None, ge=1, le=100_000)


class Cancel(Frame):
    type: Literal["cancel"]
    run: Name


class Resume(Frame):
    """After a reconnect: take over `session`; `seen` names the last seq received of each run, -1 for none."""

    type: Literal["resume"]
    session: Name
    seen: dict[Name, int] = Field(max_length=64)


class TrainStart(Frame):
    """Make this copilot's adapter for the running base, one at a time. Refused with `error`."""

    type: Literal["train.start"]
    copilot: CopilotId


class TrainCancel(Frame):
    """End this copilot's training, or put its report away so that no new client hears of it."""

    type: Literal["train.cancel"]
    copilot: CopilotId


class Ping(Frame):
    type: Literal["ping"]


ClientFrame = Annotated[
    Hello | Proof | PageOpen | PageClose | Ask | Cancel | Resume | TrainStart | TrainCancel | Ping,
    Field(discriminator="type"),
]
CLIENT_FRAME: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)


# --- server to client ---------------------------------------------------------------------------


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
    """`mode`: tuned has an adapter of its own for the running base, general answers with the general
    adapter, instructed has instructions alone, base has neither. `trainable`:
    there are examples to make an adapter from."""

    id: str
    name: str
    category: str
    category_name: str
    promise: str
    starters: list[str]
    hints: list[str]
    mode: Literal["tuned", "general", "instructed", "base"]
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


class RunStart(Frame):
    type: Literal["run.start"] = "run.start"
    run: str
    seq: int
    copilot: str
    mode: Literal["tuned", "general", "instructed", "base"]


class PassageCard(Frame):
    """A sentence, line or row that the finder took for likely; `score` is at best about 1.5."""

    block: int
    text: str
    score: float


class RunPassages(Frame):
    """What the answer was asked to look at, best first. Comes once, before the first text."""

    type: Literal["run.passages"] = "run.passages"
    run: str
    seq: int
    passages: list[PassageCard]


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


RunFrame = RunStart | RunPassages | RunDelta | RunQuote | RunDone | RunError
TrainFrame = TrainProgress | TrainReport
ServerFrame = Annotated[
    Challenge | Ready | Error | PageReading | PageReady | RunFrame | TrainFrame | CopilotList | Pong | GoingAway,
    Field(discriminator="type"),
]
SERVER_FRAME: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)
