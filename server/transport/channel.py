"""One socket from handshake to close: a reader, a writer with a bounded outbox, heartbeat, resume.

Called by app for each socket that passed the Host and Origin rules. Knows frames and sessions, never the engine.
"""

import asyncio
import contextlib
import logging
from typing import Any

from server.conversation.outbox import Outbox
from server.conversation.session import Session
from server.errors import BadFrame, NotPaired, OutOfOrder, RetinueError
from server.protocol import VERSION, Frame
from server.protocol.client import ClientFrame, Ping, Resume, TrainCancel, TrainStart
from server.protocol.server import GoingAway, Pong, Ready, TrainProgress
from server.transport.connections import Connections
from server.transport.handshake import prove
from server.transport.wire import Gone, Unproven, Wire, error_frame, parse

_log = logging.getLogger(__name__)
_SERVER = f"retinue/{VERSION}"
_GOING_AWAY, _POLICY, _TRY_LATER, _TAKEN_OVER, _INTERNAL = 1001, 1008, 1013, 4001, 1011
_CLOSE_S_MAX = 1.0


class Channel:
    def __init__(self, wire: Wire, connections: Connections, *, origin: str) -> None:
        self._wire = wire
        self._connections = connections
        self._origin = origin
        self._settings = connections.parts.settings
        self._unproven = Unproven(wire, self._settings)
        self._outbox = Outbox(events_max=self._settings.outbox_events_max)
        self._session: Session | None = None
        self._key = b""
        self._bad_frames = 0
        self._resumable = True
        self._closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()

    async def run(self) -> None:
        """Returns when the socket is closed. Never raises, except when its task is cancelled."""
        try:
            self._connections.enter(self)
            await self._admit()
            await self._serve()
        except RetinueError as error:
            await self._turn_away(error)
        except Gone:
            pass
        except Exception as error:  # one socket must not take others with it; the text of the error may hold page text
            _log.error("channel failed error=%s", type(error).__name__)
            await self._close(_INTERNAL)
        finally:
            self._connections.leave(self)
            self._gone.set()

    def tell(self, frame: Frame) -> None:
        """News for every client that is past `ready`; a crowded one misses progress, never a list or a report."""
        if self._session is not None and not (isinstance(frame, TrainProgress) and self._outbox.full):
            self._outbox.put(frame)

    def shut_down(self) -> None:
        self._outbox.put(GoingAway())
        self._finish(_GOING_AWAY)

    async def gone(self) -> None:
        await self._gone.wait()

    # --- before the proof -----------------------------------------------------------------------

    async def _admit(self) -> None:
        self._key = await prove(
            self._connections.handshake, origin=self._origin, receive=self._unproven.receive, send=self._unproven.send
        )
        await asyncio.to_thread(self._connections.copilots.refresh)

    async def _turn_away(self, error: RetinueError) -> None:
        await self._unproven.send(error_frame(error))
        default = _TRY_LATER if error.code == "busy" else _POLICY
        await self._close(default if error.close_code is None else error.close_code)

    # --- after it -------------------------------------------------------------------------------

    async def _serve(self) -> None:
        self._session = self._connections.new_session(self._origin)
        self._outbox.put(
            Ready(
                session=self._session.id,
                server=_SERVER,
                base=self._connections.base_card(),
                copilots=self._connections.copilot_cards(),
            )
        )
        if self._connections.trainings.latest is not None:
            self._outbox.put(self._connections.trainings.latest)
        self._session.attach(self._outbox, taken_over=self._taken_over)
        reader, writer = asyncio.create_task(self._read()), asyncio.create_task(self._write())
        ends: set[asyncio.Future[Any]] = {reader, writer, self._closing}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._closing.done() and not writer.done():
                await self._drain()
        finally:
            for task in (reader, writer):
                task.cancel()
            for end in await asyncio.gather(reader, writer, return_exceptions=True):
                if isinstance(end, Exception) and not isinstance(end, Gone):
                    _log.error("channel failed error=%s", type(end).__name__)
                    self._finish(_INTERNAL)
            await self._connections.part(self._session, self._outbox)
        if self._closing.done():
            await self._close(self._closing.result())

    async def _read(self) -> None:
        while (raw := await self._wire.receive()) is not None:
            await self._outbox.room()  # a client that does not read its answers is not read either
            if self._revoked():
                return self._give_up(NotPaired("This pairing was revoked."))
            try:
                self._take(parse(raw))
            except RetinueError as error:
                self._outbox.put(error_frame(error))
                self._bad_frames += isinstance(error, BadFrame | OutOfOrder)
                if self._bad_frames >= self._settings.bad_frames_max:
                    return self._finish(_POLICY)

    def _take(self, frame: ClientFrame) -> None:
        assert self._session is not None  # noqa: S101 - set before the reader starts
        if isinstance(frame, Ping):
            return self._outbox.put(Pong())
        if isinstance(frame, Resume):
            return self._resume(frame, self._session)
        if isinstance(frame, TrainStart):
            return self._connections.trainings.start(frame.copilot)
        if isinstance(frame, TrainCancel):
            return self._connections.trainings.cancel(frame.copilot)
        self._session.receive(frame)
        self._resumable = False

    def _resume(self, frame: Resume, current: Session) -> None:
        if not self._resumable:
            raise OutOfOrder("resume comes right after ready.")
        self._resumable = False
        earlier = self._connections.resume(frame.session, instead_of=current)
        current.detach(self._outbox)
        self._session = earlier
        earlier.attach(self._outbox, frame.seen, taken_over=self._taken_over)

    async def _write(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._settings.heartbeat_s):  # 3.11's wait_for can swallow a cancel
                    frame = await self._outbox.get()
            except TimeoutError:
                if self._revoked():
                    self._give_up(NotPaired("This pairing was revoked."))
                    continue
                frame = Pong()
            try:
                async with asyncio.timeout(self._settings.send_s_max):
                    await self._wire.send(frame.model_dump_json())
            except TimeoutError:
                _log.warning("socket dropped reason=reader_stopped")
                return self._finish(_TRY_LATER)

    def _revoked(self) -> bool:
        return self._connections.handshake.keys.key(self._origin) != self._key

    def _give_up(self, error: RetinueError) -> None:
        self._outbox.put(error_frame(error))
        self._finish(error.close_code or _POLICY)

    def _taken_over(self) -> None:
        self._finish(_TAKEN_OVER)

    def _finish(self, code: int) -> None:
        if not self._closing.done():
            self._closing.set_result(code)

    async def _drain(self) -> None:
        """Let the writer send the last words."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S_MAX):
                await self._outbox.sent()

    async def _close(self, code: int) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S_MAX):
                await self._wire.close(code)
        except (TimeoutError, Gone):
            self._wire.abort()  # a reader that stopped: the close frame would wait behind everything else
