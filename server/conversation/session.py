"""One client's pages and runs. Outlives its socket for a while, so that a client that reconnects can resume.

Called by channel (frames) and ask (in one process). Knows the Engine interface; no sockets, no keys, no torch.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from server.catalog.copilots import Copilot, Copilots
from server.catalog.suggest import PageFacts, Suggester
from server.conversation.limits import check_limits
from server.conversation.outbox import Outbox
from server.conversation.own.desk import placeholder
from server.conversation.pages import OpenPage, Parts
from server.conversation.panel import asks_of
from server.conversation.run import Run
from server.conversation.threads.record import new_thread, record
from server.errors import Busy, CopilotError, LimitExceeded, OutOfOrder, PageError, RetinueError
from server.protocol import Frame
from server.protocol.client import Ask, Cancel, ClientFrame, PageClose, PageOpen, PanelAsk
from server.protocol.copilots import CopilotDraft
from server.protocol.run import RunError
from server.protocol.server import Error, PageReady, PageSuggested, SuggestedCopilot

_log = logging.getLogger(__name__)
_FINISHED_RUNS_KEPT = 16
_BUSY_RETRY_MS = 1_000


class Session:
    """`tried` makes a copilot of a draft, in a thread; without it a question may name no draft."""

    def __init__(
        self, parts: Parts, copilots: Copilots, *, client: str, suggester: Suggester | None = None,
        tried: Callable[[CopilotDraft], Copilot] | None = None,
    ) -> None:  # fmt: skip
        self.id = secrets.token_urlsafe(24)
        self.client = client  # who may resume it: one browser profile
        self._parts = parts
        self._copilots = copilots
        self._suggester = suggester
        self._tried = tried
        self._outbox: Outbox | None = None
        self._taken_over: Callable[[], None] = lambda: None
        self._pages: dict[str, OpenPage] = {}
        self._page_ends: dict[str, Frame] = {}  # page.ready or error of each open page, for `resume`
        self._suggested: dict[str, Frame] = {}  # of each open page, for `resume`
        self._runs: dict[str, Run] = {}
        self._threads: dict[str, str] = {}  # of each page, where a client names none itself
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
                case PanelAsk():
                    self._ask_panel(frame)
                case Cancel():
                    if frame.run in self._runs:
                        self._runs[frame.run].cancel()
                case _:
                    raise OutOfOrder(f"{frame.type} has no place here.")
        except OutOfOrder:
            raise
        except RetinueError as error:
            self._refuse(frame, error)

    def page(self, name: str) -> OpenPage:
        """Raises PageError (`page_unknown`)."""
        if name not in self._pages:
            raise PageError("This page is not open. Open it and try again.", code="page_unknown")
        return self._pages[name]

    @property
    def running(self) -> list[asyncio.Task[None]]:
        """The answers that are under way."""
        return [run.task for run in self._runs.values() if not run.task.done()]

    def abandon_runs(self, why: RetinueError) -> None:
        """Every answer that is under way ends now, with an event that says so."""
        for run in self._runs.values():
            run.abandon(why)

    def say_no_more(self) -> None:
        """The server goes away: nothing comes after this."""
        self._outbox = None

    async def adopt(self, parts: Parts, suggester: Suggester | None) -> None:
        """Another engine answers from now on: it reads every open page anew. Returns when the former one is let go."""
        former = list(self._pages.values())
        self._parts, self._suggester = parts, suggester
        for page in former:
            page.drop()
            self._page_ends.pop(page.name, None)
            if page.frame is not None:
                self._read(page.frame)
        await asyncio.gather(*self.running, return_exceptions=True)
        await asyncio.gather(*(page.released() for page in former), return_exceptions=True)

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
            self._post(_run_error(frame.run, error))
        elif isinstance(frame, PanelAsk):
            for run in dict.fromkeys(member.run for member in frame.members):
                if run not in self._runs:
                    self._post(_run_error(run, error))
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
        page = self._read(frame)
        if self._suggester is not None:
            self._start(self._suggest(page, self._suggester, types=frame.types))

    def _read(self, frame: PageOpen) -> OpenPage:
        page = self._pages[frame.page] = OpenPage(
            frame, parts=self._parts, report=self._post_if_room, client=self.client
        )
        self._start(self._tell_when_read(page))
        return page

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _suggest(self, page: OpenPage, suggester: Suggester, *, types: Sequence[str]) -> None:
        """Before the base model has read the page. A page for which none fits is told of too."""
        try:
            laid_out = await page.laid_out
            found = await asyncio.to_thread(
                lambda: suggester.rank(PageFacts.of(laid_out, types=types), self._copilots.all())
            )
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
                ordering=read.ordering,
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
        self._threads.pop(name, None)
        self._pages.pop(name).drop()

    def _ask(self, ask: Ask) -> None:
        if ask.run in self._runs:
            return  # asked again after a reconnect: the answer is under way or can be resumed
        self._admit([ask])
        self._begin(ask)

    def _ask_panel(self, panel: PanelAsk) -> None:
        """Places for all or none. One whose copilot is not there fails alone."""
        asks = [ask for ask in asks_of(panel) if ask.run not in self._runs]
        if not asks:
            return
        self._admit(asks)
        for ask in asks:
            try:
                self._begin(ask)
            except CopilotError as error:
                self._refuse(ask, error)

    def _admit(self, asks: Sequence[Ask]) -> None:
        """Raises LimitExceeded, PageError (`page_unknown`), Busy. All of them are about one page."""
        if self._parts.leaving.is_set():
            message = "Another model is being put in place. Ask again in a moment."
            raise Busy(message, code="engine_switching", retry_after_ms=_BUSY_RETRY_MS)
        for ask in asks:
            check_limits(ask, self._parts.settings)
        page = asks[0].page
        if page is not None and page not in self._pages:
            raise PageError("This page is not open. Open it and ask again.", code="page_unknown")
        active = sum(not run.finished for run in self._runs.values())
        if active + len(asks) > self._parts.settings.runs_per_socket_max:
            raise Busy(f"{active} answers are under way. Wait for one or stop one.", retry_after_ms=_BUSY_RETRY_MS)

    def _begin(self, ask: Ask) -> None:
        """Raises CopilotError."""
        copilot = self._copilots.get(ask.copilot) if ask.draft is None else placeholder(ask.draft)
        finished = [run.id for run in self._runs.values() if run.finished]
        for run_id in finished[: max(0, len(finished) - _FINISHED_RUNS_KEPT + 1)]:
            del self._runs[run_id]
        if ask.page is None:
            page = OpenPage(None, parts=self._parts, report=self._post_if_room, client=self.client)
            self._start_run(ask, copilot.without_page(), page)
            self._runs[ask.run].page.drop()  # no later question is about it
        else:
            self._start_run(ask, copilot, self._pages[ask.page])

    def _start_run(self, ask: Ask, copilot: Copilot, page: OpenPage) -> None:
        run = self._runs[ask.run] = Run(
            ask, copilot=copilot, renew=lambda: self._renewed(copilot.id, ask), page=page, parts=self._parts,
            deliver=self._post, crowded=self._crowded,
        )  # fmt: skip
        self._keep_when_done(run, ask)

    def _renewed(self, copilot_id: str, ask: Ask) -> Copilot:
        """The copilot as its folder is now, or as the draft has it. Raises CopilotError."""
        if ask.draft is None:
            found = self._copilots.renewed(copilot_id)
        elif self._tried is not None:
            found = self._tried(ask.draft)
        else:
            raise CopilotError("No drafts are tried here. Save it first.", code="copilot_no_draft")
        return found if ask.page is not None else found.without_page()

    def _keep_when_done(self, run: Run, ask: Ask) -> None:
        """Nothing at all of what is private."""
        keeper, page = self._parts.keeper, run.page.facts
        if keeper is None or ask.private or page.private or ask.draft is not None:
            return
        if ask.thread is None and not ask.history:
            self._threads.pop(run.page.name, None)
        thread = ask.thread or self._threads.setdefault(run.page.name, new_thread())
        asked_ms = _now_ms()

        def keep(_: object) -> None:
            turn = record(ask, page, run.events, thread=thread, asked_ms=asked_ms, ended_ms=_now_ms())
            keeper.keep(turn, failed=lambda error: self._post(Error(code=error.code, message=error.message)))

        run.task.add_done_callback(keep)  # comes after the run's own, which makes sure of an end

    def _post(self, frame: Frame) -> None:
        if self._outbox is not None:
            self._outbox.put(frame)

    def _post_if_room(self, frame: Frame) -> None:
        if not self._crowded():
            self._post(frame)

    def _crowded(self) -> bool:
        return self._outbox is not None and self._outbox.full


def _now_ms() -> int:
    return int(time.time() * 1000)


def _run_error(run: str, error: RetinueError) -> RunError:
    return RunError(run=run, seq=0, code=error.code, message=error.message, retry_after_ms=error.retry_after_ms)


def _page_error(page: str, error: RetinueError) -> Error:
    return Error(code=error.code, message=error.message, page=page, retry_after_ms=error.retry_after_ms)
