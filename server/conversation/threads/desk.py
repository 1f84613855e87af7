"""Answers the frames about kept threads. Called by channel, which never waits for it.

Knows frames and the keeper; what is done with a thread stands in store.
"""

import asyncio
import logging
from collections.abc import Callable

from server.conversation.threads.address import normalised
from server.conversation.threads.export import export
from server.conversation.threads.keeper import Keeper
from server.conversation.threads.store import Store
from server.errors import Busy, RetinueError, ThreadError
from server.protocol import Frame
from server.protocol.server import Error
from server.protocol.threads import (
    ThreadDelete,
    ThreadDone,
    ThreadExport,
    ThreadExported,
    ThreadOpen,
    ThreadOpened,
    ThreadPin,
    ThreadRename,
    ThreadRequest,
    ThreadRestore,
    ThreadsChanged,
    ThreadsDelete,
    ThreadsFound,
    ThreadsList,
    ThreadsListed,
    ThreadsSearch,
)
from server.settings import Settings

_log = logging.getLogger(__name__)
_BUSY_RETRY_MS = 1_000


class Desk:
    """`keeper` is None where nothing is kept."""

    def __init__(self, keeper: Keeper | None, settings: Settings) -> None:
        self._keeper = keeper
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()

    def receive(self, frame: ThreadRequest, *, reply: Callable[[Frame], None]) -> None:
        """Raises ThreadError (`threads_off`), Busy."""
        if self._keeper is None:
            raise ThreadError("No conversations are kept here.", code="threads_off")
        if len(self._tasks) >= self._settings.kept_requests_max:
            raise Busy("The history is busy. Try again.", retry_after_ms=_BUSY_RETRY_MS)
        task = asyncio.create_task(self._serve(frame, self._keeper, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, frame: ThreadRequest, keeper: Keeper, reply: Callable[[Frame], None]) -> None:
        try:
            reply(await self._answer(frame, keeper))
        except RetinueError as error:
            reply(refusal(frame, error))
        except Exception as error:  # the client waits for an end; the text of the error may hold what is kept
            _log.error("history failed error=%s", type(error).__name__)
            reply(refusal(frame, ThreadError("The history failed inside the server.", code="threads_failed")))
        notice = keeper.take_notice()
        if notice is not None:
            reply(Error(code=notice.code, message=notice.message))

    async def _answer(self, frame: ThreadRequest, keeper: Keeper) -> Frame:
        match frame:
            case ThreadsList():
                return await keeper.do(lambda store: self._listed(frame, store))
            case ThreadsSearch():
                return ThreadsFound(
                    request=frame.request, found=await keeper.do(lambda store: store.search(frame.query))
                )
            case ThreadOpen():
                return await keeper.do(lambda store: _opened(frame, store))
            case ThreadExport():
                return await keeper.do(lambda store: _exported(frame, store))
            case _:
                return await _change(frame, keeper)

    def _listed(self, frame: ThreadsList, store: Store) -> ThreadsListed:
        address = None if frame.address is None else normalised(frame.address)
        cards, total = store.cards(skip=frame.skip, address=address)
        seen = frame.skip + len(cards)
        return ThreadsListed(
            request=frame.request, threads=cards, next=seen if seen < total else None, total=total,
            address=address,
            keep_days=self._settings.kept_days,
        )  # fmt: skip


def refusal(frame: ThreadRequest, error: RetinueError) -> Error:
    return Error(code=error.code, message=error.message, request=frame.request, retry_after_ms=error.retry_after_ms)


def _opened(frame: ThreadOpen, store: Store) -> ThreadOpened:
    turns = store.turns(frame.thread, before=frame.before)
    earlier = turns[0].position if turns else 0
    return ThreadOpened(request=frame.request, thread=store.card(frame.thread), turns=turns, earlier=earlier)


def _exported(frame: ThreadExport, store: Store) -> ThreadExported:
    name, text = export(store.card(frame.thread), store.turns(frame.thread, whole=True), form=frame.format)
    return ThreadExported(request=frame.request, name=name, text=text)


async def _change(frame: ThreadRequest, keeper: Keeper) -> ThreadDone:
    match frame:
        case ThreadRename():
            await keeper.do(lambda store: store.rename(frame.thread, frame.name))
            change = ThreadsChanged(what="renamed", thread=frame.thread)
        case ThreadPin():
            await keeper.do(lambda store: store.pin(frame.thread, frame.pinned))
            change = ThreadsChanged(what="pinned", thread=frame.thread)
        case ThreadDelete():
            await keeper.do(lambda store: store.delete(frame.thread))
            keeper.purge_later()
            change = ThreadsChanged(what="deleted", thread=frame.thread)
        case ThreadRestore():
            await keeper.do(lambda store: store.restore(frame.thread))
            change = ThreadsChanged(what="restored", thread=frame.thread)
        case ThreadsDelete():
            await keeper.do(lambda store: store.delete_all())
            change = ThreadsChanged(what="deleted")
        case _:
            raise ThreadError(f"{frame.type} changes nothing.", code="threads_failed")
    keeper.changed(change)
    return ThreadDone(request=frame.request)
