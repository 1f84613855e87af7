"""One page that a client has open: read once with the base model, held in the engine until its last run ends.

A question without a page has an empty one of its own: the system turn alone.

Called by session. Knows the Engine interface and the token layout; no sockets and no copilots.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from server.catalog.bases import BaseText
from server.conversation.page_work import PageWork
from server.conversation.threads.record import NO_PAGE_FACTS, Keeping, PageFacts
from server.engine import Engine, PageInfo, PageTokens
from server.errors import LimitExceeded, PageError
from server.protocol.client import PageOpen
from server.protocol.server import PageReading
from server.settings import Settings
from server.text.finder import Encoder, Finder, Vectors
from server.text.orders import orders
from server.text.page import NO_PAGE, Page, read_page
from server.text.prompt import PagePrefix

_log = logging.getLogger(__name__)
_PROGRESS_EVERY_S = 0.1
ENCODING_S_MAX = 3.0  # a question waits no longer for the page to be encoded
ENCODED_AT_ONCE = 64  # texts, after which encoding looks whether the page is still open
ROOM_TOKENS_MAX = 1024  # of the context, kept free for the question, earlier turns and the answer


@dataclass(frozen=True, slots=True)
class Parts:
    """What every session works with; made in app, and anew when another engine takes over. `leaving` is set from then
    on: nothing new is begun with the former one."""

    settings: Settings
    engine: Engine
    base: BaseText
    encoder: Encoder | None = None  # the finder's; without it the finder goes by words alone
    keeper: Keeping | None = None  # of finished turns; without it nothing is kept
    laying_out: PageWork = field(default_factory=lambda: PageWork("lay-out", threads=1))
    encoding: PageWork = field(default_factory=lambda: PageWork("encode", threads=2))
    leaving: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class ReadPage:
    page: Page
    prefix: PagePrefix
    tokens: PageTokens
    info: PageInfo
    ms: int
    finder: Finder
    encoded: asyncio.Future[None]  # done once the finder has the meaning of every unit
    ordering: list[int]  # blocks that give orders to programs

    async def settled(self) -> None:
        """Wait until the page is encoded, but not for long: a question is answered by words alone then."""
        await asyncio.wait({self.encoded}, timeout=ENCODING_S_MAX)


class _Closed(Exception):
    """The page was closed while it was encoded."""


class _WhileOpen:
    """The encoder of a page that may be closed meanwhile: encodes batch by batch, texts of like length together.

    Raises _Closed before a batch once `closed` is set.
    """

    def __init__(self, encoder: Encoder, closed: threading.Event) -> None:
        self._encoder, self._closed = encoder, closed

    def encode(self, texts: Sequence[str]) -> Vectors:
        order = np.argsort([len(text) for text in texts], kind="stable")
        found: list[Vectors] = []
        for start in range(0, len(texts), ENCODED_AT_ONCE):
            if self._closed.is_set():
                raise _Closed
            found.append(self._encoder.encode([texts[place] for place in order[start : start + ENCODED_AT_ONCE]]))
        vectors: Vectors = np.concatenate(found)[np.argsort(order)]
        return vectors


class OpenPage:
    """`report` gets the progress frames. The engine's hold ends after `drop`, once no run uses the page any more.
    Without a `frame` there is no page, and nothing to report.
    """

    def __init__(
        self, frame: PageOpen | None, *, parts: Parts, report: Callable[[PageReading], None], client: str = ""
    ) -> None:
        self.frame = frame
        self.name = frame.page if frame else ""
        self.facts = PageFacts.of(frame) if frame else NO_PAGE_FACTS
        self._client = client
        self._parts = parts
        self._report = report
        self._runs = 0
        self._dropped = False
        self._closed = threading.Event()  # dropped, and no run uses it any more
        self._told_at = 0.0
        self._releases: set[asyncio.Task[None]] = set()
        self.laid_out: asyncio.Future[Page] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._read(frame))

    async def ready(self) -> ReadPage:
        """Wait for the reading. Raises what it raised, and PageError (`page_closed`) when the page was closed."""
        await asyncio.wait({self.task})
        if self.task.cancelled():
            raise PageError("The page was closed before it was read.", code="page_closed")
        return self.task.result()

    def enter(self) -> None:
        self._runs += 1

    def leave(self) -> None:
        self._runs -= 1
        self._release_when_unused()

    def drop(self) -> None:
        self._dropped = True
        self._release_when_unused()

    async def released(self) -> None:
        """Wait until the engine let go of the page (for a clean end of the session)."""
        await asyncio.gather(*self._releases, return_exceptions=True)

    def _release_when_unused(self) -> None:
        if self._dropped and self._runs == 0:
            self._closed.set()
            release = asyncio.create_task(self._release())
            self._releases.add(release)
            release.add_done_callback(self._releases.discard)

    async def _release(self) -> None:
        self.task.cancel()
        self.laid_out.cancel()
        await asyncio.wait({self.task})
        if not self.task.cancelled() and self.task.exception() is None:
            await self._parts.engine.close_page(self.task.result().tokens)

    async def _read(self, frame: PageOpen | None) -> ReadPage:
        started = time.monotonic()
        try:
            page, prefix, finder, ordering = await self._parts.laying_out.do(self._client, lambda: self._lay_out(frame))
        except BaseException:
            self.laid_out.cancel()
            raise
        self.laid_out.set_result(page)
        encoded = asyncio.ensure_future(self._encode(finder))
        tokens = PageTokens(prefix.ids, prefix.spans, self._client)
        loop, home = asyncio.get_running_loop(), threading.get_ident()
        info = await self._parts.engine.open_page(
            tokens, lambda done, total: _on_loop(loop, home, lambda: self._progress(done, total))
        )
        ms = int((time.monotonic() - started) * 1000)
        return ReadPage(page, prefix, tokens, info, ms, finder, encoded, ordering)

    async def _encode(self, finder: Finder) -> None:
        """Concurrently with the prefill, so that opening a page is not delayed."""
        if self._parts.encoder is None:
            return
        encoder = _WhileOpen(self._parts.encoder, self._closed)
        try:
            await self._parts.encoding.do(self._client, lambda: finder.encode(encoder))
        except _Closed:
            return  # nobody asks any more
        except Exception as error:  # the finder then goes by words; the text of the error may hold page text
            _log.error("encoding failed error=%s", type(error).__name__)

    def _lay_out(self, frame: PageOpen | None) -> tuple[Page, PagePrefix, Finder, list[int]]:
        """In a thread: a long page is half a second of tokenizing and indexing."""
        if frame is None:
            return NO_PAGE, self._parts.base.layout.without_page(), Finder(NO_PAGE), []
        settings, base = self._parts.settings, self._parts.base
        context = self._parts.engine.info.context_tokens * base.ids_per_token
        if len(frame.blocks) > settings.page_blocks_max:
            raise LimitExceeded(
                f"The page has more than {settings.page_blocks_max:,} blocks. Select the part to ask about.",
                code="page_too_long",
            )
        page = read_page(title=frame.title, url=frame.url, blocks=frame.blocks, chars_max=settings.page_chars_max)
        room = context - min(context // 4, ROOM_TOKENS_MAX * base.ids_per_token)
        return page, base.layout.page(page, tokens_max=room), Finder(page), orders(page)

    def _progress(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self.task.done() or self._dropped or (done < total and now - self._told_at < _PROGRESS_EVERY_S):
            return
        self._told_at = now
        self._report(PageReading(page=self.name, tokens_done=done, tokens_total=total))


def _on_loop(loop: asyncio.AbstractEventLoop, home: int, call: Callable[[], None]) -> None:
    """The engine may report from its own thread, also while the loop is closing."""
    if threading.get_ident() == home:
        call()
    elif not loop.is_closed():
        loop.call_soon_threadsafe(call)
