"""Requests that are answered once each, in a task of their own, so that the socket never waits. Used by the desks.

Every request gets exactly one frame back: its answer, or an error that names the request. A client may have a bounded
number of them under way; another client's do not count.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from server.errors import Busy, RetinueError
from server.files import refusal_of
from server.protocol import Frame
from server.protocol.server import Error

_log = logging.getLogger(__name__)
_BUSY_RETRY_MS = 1_000


class Asked(Protocol):
    @property
    def request(self) -> str: ...


class Requests:
    """`each_max` requests of one client at once. `failed` is what a client is told of a fault in the server itself."""

    def __init__(self, name: str, *, each_max: int, failed: RetinueError) -> None:
        self._name, self._each_max, self._failed = name, each_max, failed
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: Counter[str] = Counter()

    def serve(
        self, frame: Asked, work: Callable[[], Coroutine[Any, Any, Frame]], *,
        client: str, reply: Callable[[Frame], None],
    ) -> None:  # fmt: skip
        """Has `work` done and replies. Never raises: a refusal is a reply too (`busy` beyond the limit)."""
        if self._under_way[client] >= self._each_max:
            return reply(refused(frame, Busy("Too much is asked at once. Try again.", retry_after_ms=_BUSY_RETRY_MS)))
        self._under_way[client] += 1
        task = self.start(self._serve(frame, work, reply))
        task.add_done_callback(lambda _: self._leave(client))

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work that nobody waits for: it ends with this object."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def idle(self) -> None:
        """Until everything is done that was begun before."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _leave(self, client: str) -> None:
        self._under_way[client] -= 1
        if not self._under_way[client]:
            del self._under_way[client]

    async def _serve(
        self, frame: Asked, work: Callable[[], Coroutine[Any, Any, Frame]], reply: Callable[[Frame], None]
    ) -> None:
        try:
            reply(await work())
        except RetinueError as error:
            reply(refused(frame, error))
        except OSError as error:
            reply(refused(frame, refusal_of(error)))
        except Exception as error:  # the client waits for an end; the text of the error may hold page text
            _log.error("%s failed error=%s", self._name, type(error).__name__)
            reply(refused(frame, self._failed))


def refused(frame: Asked, error: RetinueError) -> Error:
    return Error(
        code=error.code, message=error.message, request=frame.request, field=error.field,
        retry_after_ms=error.retry_after_ms,
    )  # fmt: skip
