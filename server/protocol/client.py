"""What a client may send. Nothing in it is believed before pydantic has checked it."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from server.protocol import ClientName, CopilotId, Frame, Hex32, Name
from server.protocol.copilots import CopilotDraft, CopilotRequest
from server.protocol.documents import DocumentsRequest
from server.protocol.engines import EngineRequest
from server.protocol.run import PanelPlace
from server.protocol.teaching import Place, TeachRequest
from server.protocol.threads import ThreadRequest


class Hello(Frame):
    """`pair` asks for a new key from the code that the terminal shows; `proof` uses the stored key. Each browser
    profile has its own key by `client`, an id that it made at random once."""

    type: Literal["hello"]
    version: int = Field(ge=1, le=1_000)
    mode: Literal["pair", "proof"]
    nonce: Hex32
    client: Name | None = None
    name: ClientName | None = None


class Proof(Frame):
    type: Literal["proof"]
    mac: Hex32


class PageOpen(Frame):
    """The page's blocks in reading order; block n of an answer is blocks[n - 1]. Settings limit how many. `types`:
    schema.org types that the page declares. `private`: nothing that is asked about it is kept."""

    type: Literal["page.open"]
    page: Name
    title: str = Field(max_length=2_000)
    url: str = Field(max_length=8_000)
    blocks: list[str]
    types: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=16)
    private: bool = False


class PageClose(Frame):
    type: Literal["page.close"]
    page: Name


class EarlierTurn(Frame):
    question: str
    answer: str


class Ask(Frame):
    """`copilot` is an id such as legal/contract-review, or `generalist`. Without `page` the answer comes from the
    question and what the base knows, and holds no quotations. `thread`: the kept conversation that it goes on, or a new
    name to begin one; `private`: nothing of it is kept. `attempt` counts earlier answers to the same question: 0 is the
    likeliest answer, each other number samples one, the same each time. `panel`: it is one of a panel's answers, asked
    for again. `draft`: answer as this copilot would, which nobody has saved; nothing of it is kept."""

    type: Literal["ask"]
    run: Name
    page: Name | None = None
    copilot: CopilotId
    question: str
    history: list[EarlierTurn] = Field(default=[], max_length=64)
    max_tokens: int | None = Field(default=None, ge=1, le=100_000)
    thread: Name | None = None
    private: bool = False
    attempt: int = Field(default=0, ge=0, le=1_000)
    draft: CopilotDraft | None = None
    panel: PanelPlace | None = None


class PanelMember(Frame):
    """One of a panel: its answer is a run of its own. `history` has what this copilot said itself, where it did."""

    run: Name
    copilot: CopilotId
    history: list[EarlierTurn] = Field(default=[], max_length=64)


class PanelAsk(Frame):
    """One question to several copilots at once, each its own run: events, `cancel` and `resume` as after `ask`. All of
    them are taken or refused together, save one whose copilot is not there: the others answer. `group` names them."""

    type: Literal["panel.ask"]
    group: Name
    members: list[PanelMember] = Field(min_length=1, max_length=64)
    page: Name | None = None
    question: str
    max_tokens: int | None = Field(default=None, ge=1, le=100_000)
    thread: Name | None = None
    private: bool = False


class Cancel(Frame):
    type: Literal["cancel"]
    run: Name


class Resume(Frame):
    """After a reconnect: take over `session`; `seen` names the last seq received of each run, -1 for none."""

    type: Literal["resume"]
    session: Name
    seen: dict[Name, int] = Field(max_length=64)


class TrainStart(Frame):
    """Make this copilot's adapter for the running base, with the corrections that are kept for it; one at a time, or go
    on with one that is paused. Refused with `error`."""

    type: Literal["train.start"]
    copilot: CopilotId
    place: Place = "page"


class TrainCancel(Frame):
    """End this copilot's training, or put its report away so that no new client hears of it."""

    type: Literal["train.cancel"]
    copilot: CopilotId
    place: Place = "page"


class Doctor(Frame):
    """Ask what is in order on the server's machine. Answered by `doctor.report`."""

    type: Literal["doctor"]


class Ping(Frame):
    type: Literal["ping"]


ClientFrame = Annotated[
    Hello
    | Proof
    | PageOpen
    | PageClose
    | Ask
    | PanelAsk
    | Cancel
    | Resume
    | TrainStart
    | TrainCancel
    | ThreadRequest
    | TeachRequest
    | CopilotRequest
    | DocumentsRequest
    | EngineRequest
    | Doctor
    | Ping,
    Field(discriminator="type"),
]
CLIENT_FRAME: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)
