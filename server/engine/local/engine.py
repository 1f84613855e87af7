"""The engine in this process, as asyncio sees it: requests become rows, a row's events become an iterator.

One thread owns the tensors (`worker`); commands go to it through its inbox, events come back through the loop.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import torch

from server.engine import BaseInfo, Capabilities, Finished, PageInfo, PageTokens, Request, Tokens
from server.engine.local.scheduler import Row, RowEvent
from server.engine.local.worker import Worker
from server.errors import BaseError, RetinueError
from server.settings import Settings


class LocalEngine:
    """Implements server.engine.Engine."""

    capabilities = Capabilities()

    def __init__(
        self, settings: Settings, base_folder: Path, *, dtype: torch.dtype | None = None, device: str = "cpu"
    ) -> None:
        self._worker = Worker(settings, base_folder, dtype=dtype, device=device)
        self._thread: threading.Thread | None = None

    @property
    def info(self) -> BaseInfo:
        if self._worker.info is None:
            raise BaseError("The base model is still loading.", code="base_loading")
        return self._worker.info

    async def start(self) -> None:
        """Load the base model in the engine thread. Raises BaseError."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._post = _Post()
        self._thread = threading.Thread(target=self._worker.run, args=(_settle(ready),), name="engine", daemon=True)
        self._thread.start()
        await ready

    async def stop(self) -> None:
        if self._thread is not None:
            self._worker.inbox.put(None)
            await asyncio.to_thread(self._thread.join, 10)

    async def open_page(self, page: PageTokens, on_progress: Callable[[int, int], None]) -> PageInfo:
        events, emit = self._post.box()
        row = Row(ids=list(page.ids), activation=len(page.ids), emit=emit, reads_page=True, client=page.client)
        self._worker.inbox.put(lambda: self._worker.read_page(row, page))
        try:
            while True:
                event = _raise_errors(await events.get())
                if isinstance(event, PageInfo):
                    return event
                if isinstance(event, tuple):
                    on_progress(*event)
        except asyncio.CancelledError:
            row.cancelled = True
            self._worker.inbox.put(lambda: self._worker.close_page(page) if row.holds_page else None)
            raise

    async def close_page(self, page: PageTokens) -> None:
        self._worker.inbox.put(lambda: self._worker.close_page(page))

    async def generate(self, request: Request) -> AsyncIterator[Tokens | Finished]:
        events, emit = self._post.box()
        prompt = [*request.page.ids, *request.history, *request.turn]
        row = Row(
            ids=prompt,
            activation=len(prompt) - len(request.turn),
            emit=emit,
            adapter_ref=request.adapter,
            client=request.page.client,
            prompt_tokens=len(prompt),
            tokens_max=min(request.tokens_max, self.info.context_tokens - len(prompt)),
            stop_ids=request.stop_ids,
            deadline=time.monotonic() + request.timeout_s,
            attempt=request.attempt,
        )
        self._worker.inbox.put(lambda: self._worker.submit(row, request))
        try:
            while True:
                event = _raise_errors(await events.get())
                if isinstance(event, Tokens | Finished):
                    yield event
                if isinstance(event, Finished):
                    return
        finally:
            if not row.ended:
                row.cancelled = True
                self._worker.inbox.put(lambda: None)

    def stats(self) -> dict[str, int]:
        return self._worker.stats()


class _Post:
    """Carries events from the engine thread to asyncio; what gathers meanwhile goes with one waking of the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._bag: deque[tuple[asyncio.Queue[RowEvent], RowEvent]] = deque()
        self._on_its_way = False

    def box(self) -> tuple["asyncio.Queue[RowEvent]", Callable[[RowEvent], None]]:
        """A queue and the function that fills it from the engine thread."""
        events = asyncio.Queue[RowEvent]()
        return events, lambda event: self._send(events, event)

    def _send(self, events: "asyncio.Queue[RowEvent]", event: RowEvent) -> None:
        self._bag.append((events, event))
        if not self._on_its_way and not self._loop.is_closed():
            self._on_its_way = True
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._on_its_way = False  # before the bag is emptied: an event that comes now is sent for again
        while self._bag:
            events, event = self._bag.popleft()
            events.put_nowait(event)


def _settle(ready: "asyncio.Future[None]") -> Callable[[RetinueError | None], None]:
    """Tells how loading went from the engine thread; nobody may wait any more, or the loop be closed."""
    loop = ready.get_loop()

    def settle(error: RetinueError | None) -> None:
        if ready.done():
            return
        if error is None:
            ready.set_result(None)
        else:
            ready.set_exception(error)

    def send(error: RetinueError | None) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, error)

    return send


def _raise_errors(event: RowEvent) -> Tokens | Finished | PageInfo | tuple[int, int]:
    if isinstance(event, RetinueError):
        raise event
    return event
