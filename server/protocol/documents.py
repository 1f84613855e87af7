"""The frames of a copilot that learns from its user's own documents: sent, drafted, judged, taught.

`request` as in `copilots`. Documents and drafts stay in the copilot's folder; `documents.state` goes to every client
when something of them changes.
"""

from typing import Annotated, Literal

from pydantic import Field

from server.protocol import Frame, Name
from server.protocol.copilots import OwnId

PART_CHARS_MAX = 700_000  # of base64: 512 KiB of a file
PARTS_MAX = 64

Line = Annotated[str, Field(max_length=4_000)]


class DocumentsOpen(Frame):
    """The documents of a copilot and what was drafted from them."""

    type: Literal["documents.open"]
    request: Name
    copilot: OwnId


class DocumentPut(Frame):
    """A file in parts, one after the other; each is answered by `documents.done`. With the last one it is read."""

    type: Literal["document.put"]
    request: Name
    copilot: OwnId
    name: Annotated[str, Field(max_length=300)]
    part: int = Field(ge=0, lt=PARTS_MAX)
    parts: int = Field(ge=1, le=PARTS_MAX)
    data: Annotated[str, Field(max_length=PART_CHARS_MAX)]


class DocumentRemove(Frame):
    """A document, its pages and the drafts from them."""

    type: Literal["document.remove"]
    request: Name
    copilot: OwnId
    document: Name


class DocumentsDraft(Frame):
    """Draft questions and answers from all pages, while nobody else asks; `on` false ends that."""

    type: Literal["documents.draft"]
    request: Name
    copilot: OwnId
    on: bool


class PairJudge(Frame):
    """What the user says of a draft. `question` and `answer` replace its own; an answer keeps its quotation."""

    type: Literal["pair.judge"]
    request: Name
    copilot: OwnId
    pair: Name
    verdict: Literal["open", "accepted", "dropped"]
    question: Line | None = None
    answer: Line | None = None


class DocumentsTeach(Frame):
    """Make the copilot's examples of what was accepted, some pages held out. Then `train.start` may name it."""

    type: Literal["documents.teach"]
    request: Name
    copilot: OwnId


DocumentsRequest = DocumentsOpen | DocumentPut | DocumentRemove | DocumentsDraft | PairJudge | DocumentsTeach


class DocumentCard(Frame):
    """One file, made into pages."""

    id: str
    name: str
    pages: int


class PairCard(Frame):
    """A question and its answer, drafted from a sentence of a page."""

    id: str
    document: str
    question: str
    answer: str
    verdict: Literal["open", "accepted", "dropped"]


class DocumentsState(Frame):
    """`done` of `total` sentences were looked at; `drafting` while more are. `request` is null where it
    comes unasked."""

    type: Literal["documents.state"] = "documents.state"
    request: str | None
    copilot: str
    documents: list[DocumentCard]
    pairs: list[PairCard]
    drafting: bool
    done: int
    total: int


class DocumentsDone(Frame):
    """What was asked is done. `train` and `heldout` count the examples after `documents.teach`."""

    type: Literal["documents.done"] = "documents.done"
    request: str
    train: int = 0
    heldout: int = 0


DocumentsFrame = DocumentsState | DocumentsDone
