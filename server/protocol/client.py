"""What a client may send. Nothing in it is believed before pydantic has checked it."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from server.protocol import CopilotId, Frame, Hex32, Name


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
    """The page's blocks in reading order; block n of an answer is blocks[n - 1]. Settings limit how many. `types`:
    schema.org types that the page declares."""

    type: Literal["page.open"]
    page: Name
    title: str = Field(max_length=2_000)
    url: str = Field(max_length=8_000)
    blocks: list[str]
    types: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=16)


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
