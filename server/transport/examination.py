"""What is in order on this machine, for a sidebar that asks: one look at a time, which all who ask meanwhile share.

Called by channel. The checks are those of `retinue doctor`; who starts the server hands them in. Knows no session.
"""

import asyncio
import logging
from collections.abc import Callable

from server.errors import RetinueError
from server.protocol import Frame
from server.protocol.server import DoctorLine, DoctorReport
from server.settings import Settings
from server.transport.wire import error_frame

_log = logging.getLogger(__name__)

Look = Callable[[Settings], list[DoctorLine]]
Reply = Callable[[Frame], None]


def nothing(_: Settings) -> list[DoctorLine]:
    """Nobody handed checks in."""
    return []


class Examination:
    def __init__(self, look: Look, settings: Callable[[], Settings]) -> None:
        """`look` is slow (it reads whole weights) and runs in a thread. `settings`: as they are now."""
        self._look, self._settings = look, settings
        self._waiting: list[Reply] = []
        self._task: asyncio.Task[None] | None = None

    def ask(self, reply: Reply) -> None:
        if reply not in self._waiting:
            self._waiting.append(reply)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            answer: Frame = DoctorReport(lines=await asyncio.to_thread(self._look, self._settings()))
        except Exception as error:  # a check must not take the server with it; the text of the error may hold a path
            _log.error("examination failed error=%s", type(error).__name__)
            answer = error_frame(RetinueError("The check failed. Run `retinue doctor`.", code="doctor_failed"))
        waiting, self._waiting, self._task = self._waiting, [], None
        for reply in waiting:
            reply(answer)
