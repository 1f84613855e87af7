"""The frames of kept conversations (threads): list, search, open, rename, pin, delete, export, and what comes back.

`request` is the client's name for what it asked; the answer, also an `error`, carries it. Times are milliseconds since
1970. An `ask` that is not private is kept: `threads.changed` says in which thread, to every client.
"""

from typing import Annotated, Literal

from pydantic import Field

from server.protocol import Frame, Name
from server.protocol.run import PanelPlace, Quote

THREAD_NAME_CHARS_MAX = 200
QUERY_CHARS_MAX = 200
ADDRESS_CHARS_MAX = 8_000
POSITION_MAX = 2**31

Position = Annotated[int, Field(ge=0, le=POSITION_MAX)]


class ThreadsList(Frame):
    """The threads, pinned ones first, then the newest. `address`: only those of this page."""

    type: Literal["threads.list"]
    request: Name
    skip: Position = 0
    address: str | None = Field(default=None, max_length=ADDRESS_CHARS_MAX)


class ThreadsSearch(Frame):
    """Threads whose names, page titles, questions or answers have every word of `query`, the best first."""

    type: Literal["threads.search"]
    request: Name
    query: str = Field(max_length=QUERY_CHARS_MAX)


class ThreadOpen(Frame):
    """The last turns of a thread, or the last ones before turn `before`."""

    type: Literal["thread.open"]
    request: Name
    thread: Name
    before: Position | None = None


class ThreadRename(Frame):
    """An empty `name` gives it the page's title again."""

    type: Literal["thread.rename"]
    request: Name
    thread: Name
    name: str = Field(max_length=THREAD_NAME_CHARS_MAX)


class ThreadPin(Frame):
    type: Literal["thread.pin"]
    request: Name
    thread: Name
    pinned: bool


class ThreadDelete(Frame):
    """For some seconds `thread.restore` brings it back; then it is overwritten on the disk."""

    type: Literal["thread.delete"]
    request: Name
    thread: Name


class ThreadRestore(Frame):
    type: Literal["thread.restore"]
    request: Name
    thread: Name


class ThreadsDelete(Frame):
    """Every thread, at once and for good."""

    type: Literal["threads.delete"]
    request: Name


class ThreadExport(Frame):
    type: Literal["thread.export"]
    request: Name
    thread: Name
    format: Literal["markdown", "json"]


ThreadRequest = (
    ThreadsList
    | ThreadsSearch
    | ThreadOpen
    | ThreadRename
    | ThreadPin
    | ThreadDelete
    | ThreadRestore
    | ThreadsDelete
    | ThreadExport
)


class ThreadCard(Frame):
    """`address` has no fragment and no tracking parameters. `name` is the user's, empty until it is renamed."""

    id: str
    name: str
    title: str
    address: str
    copilot: str
    turns: int
    pinned: bool
    created_ms: int
    updated_ms: int


class KeptTurn(Frame):
    """`reason` is null when the answer failed; `code` and `message` say why then. Turns of one `panel` were asked
    together; of two in the same place the later one counts."""

    position: int
    run: str
    copilot: str
    mode: Literal["tuned", "domain", "general", "instructed", "base"]
    question: str
    answer: str
    quotes: list[Quote]
    reason: Literal["stop", "length", "cancelled"] | None
    code: str | None
    message: str | None
    asked_ms: int
    ended_ms: int
    panel: PanelPlace | None = None
    thumb: Literal["up", "down"] | None = None


class ThreadsListed(Frame):
    """`next`: `skip` of the next page, null at the end. `keep_days`: after so many days an unpinned
    thread is removed, 0 for never."""

    type: Literal["threads.listed"] = "threads.listed"
    request: str
    threads: list[ThreadCard]
    next: int | None
    total: int
    address: str | None
    keep_days: int


class FoundThread(Frame):
    """`excerpt`: pieces of the best turn; the 2nd, 4th … are the words that were found."""

    thread: ThreadCard
    position: int
    excerpt: list[str]


class ThreadsFound(Frame):
    """What `threads.search` found."""

    type: Literal["threads.found"] = "threads.found"
    request: str
    found: list[FoundThread]


class ThreadOpened(Frame):
    """Turns in the order in which they were asked; `earlier` is how many stand before the first of them."""

    type: Literal["thread.opened"] = "thread.opened"
    request: str
    thread: ThreadCard
    turns: list[KeptTurn]
    earlier: int


class ThreadExported(Frame):
    """A file to save."""

    type: Literal["thread.exported"] = "thread.exported"
    request: str
    name: str
    text: str


class ThreadDone(Frame):
    """What was asked is done."""

    type: Literal["thread.done"] = "thread.done"
    request: str


class ThreadsChanged(Frame):
    """To every client, about one thread, or all of them where `thread` is null. `kept_run`: the answer that was kept;
    `expired`: threads were removed because they are old."""

    type: Literal["threads.changed"] = "threads.changed"
    what: Literal["kept", "renamed", "pinned", "rated", "deleted", "restored", "expired"]
    thread: str | None = None
    kept_run: str | None = None


ThreadFrame = ThreadsListed | ThreadsFound | ThreadOpened | ThreadExported | ThreadDone | ThreadsChanged
