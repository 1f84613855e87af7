"""One answer: follows the engine's tokens, and makes the run's numbered events.

Called by session. Every run ends with exactly one `run.done` or `run.error`; its events are kept for `resume`.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal

from server.catalog.copilots import Copilot
from server.conversation.evidence import Found, after_abstention, considered
from server.conversation.frames import cards, usage, wire_quote
from server.conversation.pages import OpenPage, Parts, ReadPage
from server.conversation.request import prepare
from server.engine import Finished, Request, Tokens
from server.errors import RetinueError
from server.protocol.client import Ask
from server.protocol.run import (
    CheckResult,
    RunDelta,
    RunDone,
    RunError,
    RunFrame,
    RunPassages,
    RunQuote,
    RunStart,
    Timings,
)
from server.text.checks import Check, run_checks
from server.text.prompt import NO_PAGE
from server.text.stream import QuoteStream, TextStream, goes_in_circles

_log = logging.getLogger(__name__)
CHECKS_S_MAX = 10.0  # then an answer comes without its checks
_GRACE_S = 5.0  # the engine ends an answer at its deadline; this catches an engine that does not


class Run:
    """`renew` looks the copilot up anew, on disk too, so that an adapter put in place a moment ago answers. `deliver`
    sends an event to the client if there is one; while `crowded()`, text is collected instead of sent.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        copilot: Copilot,
        renew: Callable[[], Copilot],
        page: OpenPage,
        parts: Parts,
        deliver: Callable[[RunFrame], None],
        crowded: Callable[[], bool],
    ) -> None:
        self.id = ask.run
        self.page = page
        self.events: list[RunFrame] = []
        self._ask, self._copilot, self._renew, self._parts = ask, copilot, renew, parts
        self._deliver, self._crowded = deliver, crowded
        self._found = Found()
        self._answer = self._unsent = ""
        self._answer_ids = 0
        self._started = time.monotonic()
        self._first_text: float | None = None
        page.enter()
        self.task = asyncio.create_task(self._follow())
        self.task.add_done_callback(self._at_end)

    @property
    def finished(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], RunDone | RunError)

    def cancel(self) -> None:
        self.task.cancel()

    def abandon(self, why: RetinueError) -> None:
        """End with an error that the client still hears."""
        if not self.finished:
            self._fail(why.code, why.message, retry_after_ms=why.retry_after_ms)
        self.task.cancel()

    async def _follow(self) -> None:
        read: ReadPage | None = None
        try:
            self._copilot = await asyncio.to_thread(self._renew)
            self._tell_start()
            read = await self.page.ready()
            await read.settled()
            self._found, request = await asyncio.to_thread(
                prepare, self._ask, read, copilot=self._copilot, parts=self._parts
            )
            await self._generate(read, request)
        except asyncio.CancelledError:
            self._done("cancelled", read)
        except TimeoutError:
            self._fail("run_timeout", "The answer took too long. Ask again, or ask for something shorter.")
        except RetinueError as error:
            self._fail(error.code, error.message, retry_after_ms=error.retry_after_ms)
        except Exception as error:  # the client must hear of every end; the text of the error may hold page text
            _log.error("run failed error=%s", type(error).__name__)
            self._fail("run_failed", "The answer failed inside the server. Ask again.", retry_after_ms=1000)

    def _tell_start(self) -> None:
        """The first event of every run."""
        if not self.events:
            self._emit(RunStart(run=self.id, seq=0, copilot=self._copilot.id, mode=self._copilot.mode))

    def _at_end(self, task: asyncio.Task[None]) -> None:
        if not self.finished:  # cancelled before its first step
            self._done("cancelled", None)
        self.page.leave()

    async def _generate(self, read: ReadPage, request: Request) -> None:
        text, quotes = TextStream(self._parts.base.decode), QuoteStream(read.page)
        if not read.page.blocks:
            self._answer = self._unsent = NO_PAGE  # goes out with the first text
        shown, beyond = cards(self._found.passages), cards(considered(self._found))
        self._emit(RunPassages(run=self.id, seq=len(self.events), passages=shown, considered=beyond))
        engine_stream = self._parts.engine.generate(request)
        end: Finished | None = None
        async with asyncio.timeout(request.timeout_s + _GRACE_S), _closing(engine_stream):
            async for event in engine_stream:
                if isinstance(event, Finished):
                    end = event
                    break
                self._answer_ids += len(event.ids)
                self._send(text.push(event.ids), quotes)
                if goes_in_circles(self._answer):
                    break
        self._send(text.finish(), quotes)
        if end is not None:
            self._send(after_abstention(self._answer, self._found, read.prefix), quotes)
        self._send("", quotes, finished=True)
        reason: Literal["stop", "length", "cancelled"] = end.reason if end is not None else "stop"
        checks = await self._checks(read) if reason != "cancelled" else []
        self._done(reason, read, request=request, end=end, checks=checks)

    async def _checks(self, read: ReadPage) -> list[Check]:
        """In a thread and within bounds: they search the whole page. None where they take too long."""
        try:
            async with asyncio.timeout(CHECKS_S_MAX):
                return await asyncio.to_thread(
                    run_checks, self._copilot.checks, self._answer, page=read.page, question=self._ask.question
                )
        except TimeoutError:
            _log.warning("checks took too long copilot=%s", self._copilot.id)
            return []

    def _send(self, text: str, quotes: QuoteStream, *, finished: bool = False) -> None:
        self._answer += text
        self._unsent += text
        if self._unsent and (finished or not self._crowded()):
            self._flush()
            self._first_text = self._first_text or time.monotonic()
        if not self._unsent:  # a quote follows the text that it stands in
            for quote in quotes.push(self._answer, finished=finished):
                self._emit(
                    RunQuote(run=self.id, seq=len(self.events), quote=wire_quote(quote, quotes.page, self._answer))
                )

    def _flush(self) -> None:
        if self._unsent:
            self._emit(RunDelta(run=self.id, seq=len(self.events), text=self._unsent))
            self._unsent = ""

    def _done(
        self,
        reason: Literal["stop", "length", "cancelled"],
        read: ReadPage | None,
        *,
        request: Request | None = None,
        end: Finished | None = None,
        checks: Sequence[Check] = (),
    ) -> None:
        if self.finished:  # abandoned: its last event was sent
            return
        self._tell_start()
        self._flush()
        now = time.monotonic()
        quotes = QuoteStream(read.page).push(self._answer, finished=True) if read else []
        self._emit(
            RunDone(
                run=self.id,
                seq=len(self.events),
                reason=reason,
                answer=self._answer,
                quotes=[wire_quote(quote, read.page, self._answer) for quote in quotes] if read else [],
                checks=[CheckResult(name=check.name, passed=check.passed, note=check.note) for check in checks],
                usage=usage(read, request, end, answer_ids=self._answer_ids, parts=self._parts),
                timings=Timings(
                    ttft_ms=int(((self._first_text or now) - self._started) * 1000),
                    total_ms=int((now - self._started) * 1000),
                ),
            )
        )

    def _fail(self, code: str, message: str, *, retry_after_ms: int | None = None) -> None:
        self._tell_start()
        self._flush()
        self._emit(
            RunError(run=self.id, seq=len(self.events), code=code, message=message, retry_after_ms=retry_after_ms)
        )

    def _emit(self, frame: RunFrame) -> None:
        self.events.append(frame)
        self._deliver(frame)


@contextlib.asynccontextmanager
async def _closing(stream: AsyncIterator[Tokens | Finished]) -> AsyncIterator[None]:
    """Close the engine's iterator at once, so that its row is free before the run's last event is sent."""
    try:
        yield
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
