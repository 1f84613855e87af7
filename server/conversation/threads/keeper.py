"""The history off the event loop: one thread does all work on the file. Made once in app; session and desk use it.

A file that fails harms nothing but the keeping: answers go on, who asked is told, and the next turn tries again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from server.conversation.threads.database import open_database
from server.conversation.threads.faults import FAULTS, as_error, is_broken
from server.conversation.threads.record import NewTurn
from server.conversation.threads.store import Store
from server.errors import RetinueError, ThreadError
from server.protocol.threads import ThreadsChanged
from server.settings import Settings

_log = logging.getLogger(__name__)
_DAY_S = 24 * 3600.0
T = TypeVar("T")


class Keeper:
    """`now_s` is the wall clock. Nothing is opened before the first use."""

    def __init__(self, settings: Settings, *, now_s: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now_s = now_s
        self._pool = ThreadPoolExecutor(1, "threads")
        self._store: Store | None = None
        self._notice: ThreadError | None = None
        self._tell: Callable[[ThreadsChanged], None] = lambda frame: None
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, tell: Callable[[ThreadsChanged], None]) -> None:
        """`tell` hears of every change, on the event loop."""
        self._tell = tell

    def start(self) -> None:
        """Finish deletions of an earlier run, and forget what is old, now and once a day."""
        self._spawn(self._tidy_daily())

    async def close(self) -> None:
        """What was given to `keep` is kept, what was deleted is gone for good."""
        for task in self._tasks:
            task.cancel()
        if self._store is not None:
            await self._quietly(lambda store: store.purge(deleted_before_ms=self.now_ms()))
        await asyncio.to_thread(self._pool.shutdown)
        if self._store is not None:
            self._store.close()

    def now_ms(self) -> int:
        return int(self._now_s() * 1000)

    async def do(self, work: Callable[[Store], T]) -> T:
        """Raises ThreadError (`thread_…`, `threads_…`), LimitExceeded (`threads_full`)."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._work, work)

    def keep(self, new: NewTurn, *, failed: Callable[[RetinueError], None]) -> None:
        """Never waits and never raises; `failed` hears why it was not kept, or that the file was damaged."""
        kept = asyncio.get_running_loop().run_in_executor(self._pool, self._work, lambda store: store.append(new))
        self._spawn(self._follow(kept, new, failed))

    def take_notice(self) -> ThreadError | None:
        """What one client must be told, once."""
        notice, self._notice = self._notice, None
        return notice

    def changed(self, change: ThreadsChanged) -> None:
        self._tell(change)

    def purge_later(self) -> None:
        """After a deletion: overwrite it when it can no longer be undone."""
        self._spawn(self._purge_later())

    async def _follow(self, kept: asyncio.Future[str], new: NewTurn, failed: Callable[[RetinueError], None]) -> None:
        try:
            thread = await asyncio.shield(kept)
        except RetinueError as error:
            _log.warning("answer not kept code=%s", error.code)
            return failed(error)
        self._tell(ThreadsChanged(what="kept", thread=thread, kept_run=new.turn.run))
        notice = self.take_notice()
        if notice is not None:
            failed(notice)

    async def _tidy_daily(self) -> None:
        while True:
            if await self._quietly(self._tidy):
                self._tell(ThreadsChanged(what="expired"))
            await asyncio.sleep(_DAY_S)

    def _tidy(self, store: Store) -> int:
        return store.purge(deleted_before_ms=self.now_ms()) + store.forget_old()

    async def _purge_later(self) -> None:
        await asyncio.sleep(self._settings.kept_undo_s)
        deleted_before_ms = self.now_ms() - int(self._settings.kept_undo_s * 1000)
        await self._quietly(lambda store: store.purge(deleted_before_ms=deleted_before_ms))

    async def _quietly(self, work: Callable[[Store], int]) -> int:
        try:
            return await self.do(work)
        except RetinueError as error:  # it is tried again at the next start or tomorrow
            _log.warning("history not tidied code=%s", error.code)
            return 0

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- in the thread --------------------------------------------------------------------------

    def _work(self, work: Callable[[Store], T]) -> T:
        try:
            try:
                return work(self._opened())
            except FAULTS as error:
                if not is_broken(error) or self._store is None:
                    raise
            self._store.close()
            self._store = None
            return work(self._opened(is_damaged=True))
        except RetinueError:
            raise
        except FAULTS as error:
            raise as_error(error, folder=self._settings.user_dir) from None

    def _opened(self, *, is_damaged: bool = False) -> Store:
        if self._store is None:
            stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._now_s()))
            folder = self._settings.user_dir
            engine = open_database(folder, stamp=stamp, aside=self._set_notice, is_damaged=is_damaged)
            self._store = Store(engine, self._settings, now_ms=self.now_ms)
        return self._store

    def _set_notice(self, aside: Path, saved: int) -> None:
        _log.warning("history damaged, put aside as %s saved=%d", aside.name, saved)
        self._notice = ThreadError(
            f"The history's file was damaged. It was put aside as {aside.name}; {saved} conversations could be saved.",
            code="threads_damaged",
        )
