"""One socket from handshake to close: a reader, a writer with a bounded outbox, heartbeat, resume.

Called by app for each socket that passed the Host and Origin rules. Knows frames and sessions, never the engine.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, TypedDict

from server.conversation.engines.standing import base_card, engine_card
from server.conversation.outbox import Outbox
from server.conversation.session import Session
from server.conversation.teaching.desk import refuse_in_page
from server.errors import BadFrame, NotPaired, OutOfOrder, RetinueError
from server.protocol import VERSION, Frame
from server.protocol.client import ClientFrame, Doctor, Ping, Resume, TrainCancel, TrainStart
from server.protocol.copilots import CopilotRequest
from server.protocol.documents import DocumentsRequest
from server.protocol.engines import BasePulling, EngineRequest
from server.protocol.server import GoingAway, Pong, Ready, TrainProgress
from server.protocol.teaching import TeachRequest
from server.protocol.threads import ThreadRequest
from server.transport.connections import Connections
from server.transport.handshake import prove
from server.transport.keyfile import Pairing
from server.transport.wire import Gone, Unproven, Wire, error_frame, parse

_log = logging.getLogger(__name__)
_SERVER = f"retinue/{VERSION}"
_GOING_AWAY, _POLICY, _TRY_LATER, _TAKEN_OVER, _INTERNAL = 1001, 1008, 1013, 4001, 1011
_CLOSE_S_MAX = 1.0


class _Whose(TypedDict):
    client: str
    reply: Callable[[Frame], None]


class Channel:
    def __init__(self, wire: Wire, connections: Connections, *, origin: str) -> None:
        self._wire = wire
        self._connections = connections
        self._origin = origin
        self._settings = connections.parts.settings
        self._unproven = Unproven(wire, self._settings)
        self._outbox = Outbox(events_max=self._settings.outbox_events_max)
        self._session: Session | None = None
        self._pairing: Pairing | None = None
        self._bad_frames = 0
        self._resumable = True
        self._closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()

    async def run(self) -> None:
        """Returns when the socket is closed. Never raises, except when its task is cancelled."""
        try:
            self._connections.enter(self)
            await self._serve(await self._admit())
        except RetinueError as error:
            await self._turn_away(error)
        except Gone:
            pass
        except Exception as error:  # one socket must not take others with it; the text of the error may hold page text
            _log.error("channel failed error=%s", type(error).__name__)
            await self._close(_INTERNAL)
        finally:
            self._connections.leave(self)
            self._connections.documents_desk.leave(id(self))
            self._gone.set()

    def tell(self, frame: Frame) -> None:
        """News for every client that is past `ready`; a crowded one misses progress, never a list or a report."""
        if self._session is not None and not (isinstance(frame, TrainProgress | BasePulling) and self._outbox.full):
            self._outbox.put(frame)

    def shut_down(self) -> None:
        self._outbox.put(GoingAway())
        self._finish(_GOING_AWAY)

    def leave_if_revoked(self) -> None:
        """The user has taken the key away: the client hears of it, and no more of anything else."""
        if self._pairing is None or self._closing.done() or self._connections.still_paired(self._pairing):
            return
        self._outbox.put(error_frame(NotPaired("This pairing was revoked.")))
        self._finish(_POLICY)

    async def gone(self) -> None:
        await self._gone.wait()

    # --- before the proof -----------------------------------------------------------------------

    async def _admit(self) -> Pairing:
        pairing = await prove(
            self._connections.handshake, origin=self._origin, receive=self._unproven.receive, send=self._unproven.send
        )
        self._connections.admit(self)
        self._wire.proven()
        await asyncio.to_thread(self._connections.copilots.refresh)
        return pairing

    async def _turn_away(self, error: RetinueError) -> None:
        await self._unproven.send(error_frame(error))
        default = _TRY_LATER if error.code == "busy" else _POLICY
        await self._close(default if error.close_code is None else error.close_code)

    # --- after it -------------------------------------------------------------------------------

    async def _serve(self, pairing: Pairing) -> None:
        self._pairing = pairing
        self._session = self._connections.new_session(pairing)
        self._outbox.put(
            Ready(
                session=self._session.id,
                server=_SERVER,
                base=base_card(self._connections.parts),
                engine=engine_card(self._connections.parts),
                copilots=self._connections.copilot_cards(),
                panels=self._connections.panel_presets(),
                history=self._connections.keeper is not None,
            )
        )
        keeper = self._connections.keeper
        notice = keeper.take_notice() if keeper is not None else None
        if notice is not None:
            self._outbox.put(error_frame(notice))
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
            self.leave_if_revoked()
            if self._closing.done():
                return
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
        if isinstance(frame, Doctor):
            return self._connections.examination.ask(self._outbox.put)
        if isinstance(frame, Resume):
            return self._resume(frame, self._session)
        if isinstance(frame, TrainStart | TrainCancel):
            return self._train(frame)
        whose: _Whose = {"client": self._session.client, "reply": self._outbox.put}
        if isinstance(frame, ThreadRequest):
            return self._connections.desk.receive(frame, **whose)
        if isinstance(frame, TeachRequest):
            return self._connections.teaching.receive(frame, page=self._session.page, **whose)
        if isinstance(frame, CopilotRequest):
            return self._connections.own_desk.receive(frame, **whose)
        if isinstance(frame, DocumentsRequest):
            return self._connections.documents_desk.receive(frame, socket=id(self), **whose)
        if isinstance(frame, EngineRequest):
            return self._connections.engine_desk.receive(frame, **whose)
        self._session.receive(frame)
        self._resumable = False

    def _train(self, frame: TrainStart | TrainCancel) -> None:
        refuse_in_page(frame.place)
        trainings = self._connections.trainings
        act = trainings.start if isinstance(frame, TrainStart) else trainings.cancel
        act(frame.copilot)

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
                frame = Pong()
            try:
                async with asyncio.timeout(self._settings.send_s_max):
                    await self._wire.send(frame.model_dump_json())
            except TimeoutError:
                _log.warning("socket dropped reason=reader_stopped")
                return self._finish(_TRY_LATER)

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
