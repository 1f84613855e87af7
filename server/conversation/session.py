"""One client's pages and runs. Outlives its socket for a while, so that a client that reconnects can resume.

Called by channel (frames) and ask (in one process). Knows the Engine interface; no sockets, no keys, no torch.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from server.catalog.copilots import Copilots
from server.catalog.suggest import PageFacts, Suggester
from server.conversation.outbox import Outbox
from server.conversation.pages import OpenPage, Parts
from server.conversation.run import Run
from server.errors import Busy, LimitExceeded, OutOfOrder, PageError, RetinueError
from server.protocol import Frame
from server.protocol.client import Ask, Cancel, ClientFrame, PageClose, PageOpen
from server.protocol.run import RunError
from server.protocol.server import Error, PageReady, PageSuggested, SuggestedCopilot

_log = logging.getLogger(__name__)
_FINISHED_RUNS_KEPT = 16
_BUSY_RETRY_MS = 1_000


class Session:
    def __init__(self, parts: Parts, copilots: Copilots, *, origin: str, suggester: Suggester | None = None) -> None:
        self.id = secrets.token_urlsafe(24)
        self.origin = origin
        self._parts = parts
        self._copilots = copilots
        self._suggester = suggester
        self._outbox: Outbox | None = None
        self._taken_over: Callable[[], None] = lambda: None
        self._pages: dict[str, OpenPage] = {}
        self._page_ends: dict[str, Frame] = {}  # page.ready or error of each open page, for `resume`
        self._suggested: dict[str, Frame] = {}  # of each open page, for `resume`
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def empty(self) -> bool:
        return not self._pages and not self._runs

    def attach(
        self, outbox: Outbox, seen: dict[str, int] | None = None, *, taken_over: Callable[[], None] = lambda: None
    ) -> None:
        """Send to this outbox from now on, first of all what the client has not seen.

        A socket that still holds the session (a dead one, mostly) hears it through its own `taken_over`.
        """
        if self._outbox is not None:
            self._taken_over()
        self._outbox, self._taken_over = outbox, taken_over
        for frame in (*self._suggested.values(), *self._page_ends.values()):
            outbox.put(frame)
        for run in self._runs.values():
            for event in run.events[(seen or {}).get(run.id, -1) + 1 :]:
                outbox.put(event)
        for run_id, seq in (seen or {}).items():
            if run_id not in self._runs:
                message = "The server no longer knows this answer. Ask again."
                outbox.put(RunError(run=run_id, seq=max(seq, -1) + 1, code="run_unknown", message=message))

    def detach(self, outbox: Outbox) -> bool:
        """False when another socket took over in the meantime."""
        if self._outbox is not outbox:
            return False
        self._outbox = None
        return True

    def receive(self, frame: ClientFrame) -> None:
        """Never waits. Raises OutOfOrder for frames that are not a session's business."""
        try:
            match frame:
                case PageOpen():
                    self._open(frame)
                case PageClose():
                    self._close_page(frame.page)
                case Ask():
                    self._ask(frame)
                case Cancel():
                    if frame.run in self._runs:
                        self._runs[frame.run].cancel()
                case _:
                    raise OutOfOrder(f"{frame.type} has no place here.")
        except OutOfOrder:
            raise
        except RetinueError as error:
            self._refuse(frame, error)

    async def close(self) -> None:
        """Cancel every run and let go of every page."""
        self._outbox = None
        for run in self._runs.values():
            run.cancel()
        await asyncio.gather(*(run.task for run in self._runs.values()), return_exceptions=True)
        pages = {*self._pages.values(), *(run.page for run in self._runs.values())}
        for page in self._pages.values():
            page.drop()
        self._pages.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(page.released() for page in pages), *self._tasks, return_exceptions=True)

    def _refuse(self, frame: ClientFrame, error: RetinueError) -> None:
        if isinstance(frame, Ask):
            self._post(
                RunError(
                    run=frame.run, seq=0, code=error.code, message=error.message, retry_after_ms=error.retry_after_ms
                )
            )
        elif isinstance(frame, PageOpen):
            self._post(_page_error(frame.page, error))

    def _open(self, frame: PageOpen) -> None:
        if frame.page not in self._pages and len(self._pages) >= self._parts.settings.pages_per_socket_max:
            raise LimitExceeded(
                f"At most {self._parts.settings.pages_per_socket_max} pages can be open. Close one.",
                code="page_too_many",
            )
        if frame.page in self._pages:
            self._forget(frame.page)  # answers that run on the old text go on with it
        page = OpenPage(frame, parts=self._parts, report=self._post_if_room)
        self._pages[frame.page] = page
        self._start(self._tell_when_read(page))
        if self._suggester is not None:
            self._start(self._suggest(page, self._suggester, types=frame.types))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _suggest(self, page: OpenPage, suggester: Suggester, *, types: Sequence[str]) -> None:
        """Before the base model has read the page. A page for which none fits is told of too."""
        try:
            laid_out = await page.laid_out
            facts = PageFacts.of(laid_out, types=types)
            found = await asyncio.to_thread(suggester.rank, facts, self._copilots.all())
        except RetinueError:
            return  # the page's own error is told by _tell_when_read
        except Exception as error:  # without a suggestion every copilot can still be picked
            _log.error("suggesting failed error=%s", type(error).__name__)
            return
        if self._pages.get(page.name) is page:
            cards = [SuggestedCopilot(copilot=one.copilot, why=list(one.why)) for one in found]
            self._suggested[page.name] = PageSuggested(page=page.name, copilots=cards)
            self._post(self._suggested[page.name])

    async def _tell_when_read(self, page: OpenPage) -> None:
        end: Frame
        try:
            read = await page.ready()
            end = PageReady(
                page=page.name,
                tokens=read.info.tokens,
                cached_tokens=read.info.cached_tokens,
                blocks_read=read.prefix.blocks_read,
                blocks_total=read.prefix.blocks_total,
                ms=read.ms,
            )
        except RetinueError as error:
            end = _page_error(page.name, error)
        except Exception as error:  # the client must hear of it; the text of the error may hold page text
            _log.error("page failed error=%s", type(error).__name__)
            end = Error(code="page_failed", message="The page could not be read. Open it again.", page=page.name)
        if self._pages.get(page.name) is page:
            self._page_ends[page.name] = end
            self._post(end)

    def _close_page(self, name: str) -> None:
        page = self._pages.get(name)
        if page is None:
            return
        for run in self._runs.values():
            if run.page is page and not run.finished:
                run.cancel()
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._page_ends.pop(name, None)
        self._suggested.pop(name, None)
        self._pages.pop(name).drop()

    def _ask(self, ask: Ask) -> None:
        if ask.run in self._runs:
            return  # asked again after a reconnect: the answer is under way or can be resumed
        self._check_limits(ask)
        copilot = self._copilots.get(ask.copilot)
        page = self._pages.get(ask.page)
        if page is None:
            raise PageError("This page is not open. Open it and ask again.", code="page_unknown")
        active = sum(not run.finished for run in self._runs.values())
        if active >= self._parts.settings.runs_per_socket_max:
            raise Busy(f"{active} answers are under way. Wait for one or stop one.", retry_after_ms=_BUSY_RETRY_MS)
        finished = [run.id for run in self._runs.values() if run.finished]
        for run_id in finished[: max(0, len(finished) - _FINISHED_RUNS_KEPT + 1)]:
            del self._runs[run_id]
        self._runs[ask.run] = Run(
            ask, copilot=copilot, page=page, parts=self._parts, deliver=self._post, crowded=self._crowded
        )

    def _check_limits(self, ask: Ask) -> None:
        settings = self._parts.settings
        chars = settings.question_chars_max
        if not ask.question.strip():
            raise LimitExceeded("The question is empty.", code="question_empty")
        if len(ask.question) > chars:
            raise LimitExceeded(
                f"The question has more than {chars:,} characters. Shorten it.", code="question_too_long"
            )
        if len(ask.history) > settings.history_turns_max or any(
            len(turn.question) > chars or len(turn.answer) > 4 * chars for turn in ask.history
        ):
            raise LimitExceeded(
                f"Send at most {settings.history_turns_max} earlier turns, questions of at most {chars:,} characters.",
                code="history_too_long",
            )
        if ask.max_tokens is not None and ask.max_tokens > settings.answer_tokens_max:
            raise LimitExceeded(
                f"An answer has at most {settings.answer_tokens_max:,} tokens. Ask for less.", code="answer_too_long"
            )

    def _post(self, frame: Frame) -> None:
        if self._outbox is not None:
            self._outbox.put(frame)

    def _post_if_room(self, frame: Frame) -> None:
        if not self._crowded():
            self._post(frame)

    def _crowded(self) -> bool:
        return self._outbox is not None and self._outbox.full


def _page_error(page: str, error: RetinueError) -> Error:
    return Error(code=error.code, message=error.message, page=page, retry_after_ms=error.retry_after_ms)
