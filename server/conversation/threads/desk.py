"""Answers the frames about kept threads. Called by channel, which never waits for it.

Knows frames and the keeper; what is done with a thread stands in store.
"""

from collections.abc import Callable

from server.conversation.desk_requests import Requests
from server.conversation.threads.address import normalised
from server.conversation.threads.export import export
from server.conversation.threads.keeper import Keeper
from server.conversation.threads.store import Store
from server.errors import ThreadError
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

_FAILED = ThreadError("The history failed inside the server.", code="threads_failed")


class Desk:
    """`keeper` is None where nothing is kept."""

    def __init__(self, keeper: Keeper | None, settings: Settings) -> None:
        self._keeper = keeper
        self._settings = settings
        self._requests = Requests("history", each_max=settings.kept_requests_max, failed=_FAILED)

    def receive(self, frame: ThreadRequest, *, client: str, reply: Callable[[Frame], None]) -> None:
        def replied(answer: Frame) -> None:
            reply(answer)
            notice = self._keeper.take_notice() if self._keeper is not None else None
            if notice is not None:
                reply(Error(code=notice.code, message=notice.message))

        self._requests.serve(frame, lambda: self._answer(frame), client=client, reply=replied)

    async def _answer(self, frame: ThreadRequest) -> Frame:
        keeper = self._keeper
        if keeper is None:
            raise ThreadError("No conversations are kept here.", code="threads_off")
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
