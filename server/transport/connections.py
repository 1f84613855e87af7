"""Everyone who is connected: counts sockets, keeps sessions for `resume`, tells all of a training, says goodbye.

Called by channel and app. Made once in app; there is no other process-wide state.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from server.catalog.copilots import CheckAdapter, Copilots
from server.catalog.suggest import Suggester
from server.catalog.teaching.corrections import Corrections
from server.catalog.trainings import Trainings
from server.conversation.engines.desk import EngineDesk
from server.conversation.engines.making import Making
from server.conversation.engines.standing import base_card, engine_card
from server.conversation.engines.switch import Switch
from server.conversation.outbox import Outbox
from server.conversation.own.desk import OwnDesk
from server.conversation.own.documents import DocumentsDesk
from server.conversation.pages import Parts
from server.conversation.session import Session
from server.conversation.teaching.desk import TeachDesk
from server.conversation.threads.desk import Desk
from server.conversation.threads.keeper import Keeper
from server.errors import Busy, RetinueError, RunError
from server.protocol import Frame
from server.protocol.engines import EngineChanged
from server.protocol.server import CopilotCard, CopilotList, PanelPreset
from server.transport.examination import Examination, Look, nothing
from server.transport.keyfile import KeyFile, Pairing
from server.transport.pairing import PairingCode

_log = logging.getLogger(__name__)


class Leaver(Protocol):
    """A channel, as this module sees it."""

    def tell(self, frame: Frame) -> None: ...

    def shut_down(self) -> None: ...

    def leave_if_revoked(self) -> None: ...

    async def gone(self) -> None: ...


@dataclass(frozen=True, slots=True)
class HandshakeContext:
    """What the handshake needs. `paired` tells the user that a browser paired."""

    keys: KeyFile
    code: PairingCode
    port: int
    paired: Callable[[Pairing], None] = lambda pairing: None
    deriving: asyncio.Lock = field(default_factory=asyncio.Lock)


class Connections:
    def __init__(
        self,
        parts: Parts,
        copilots: Copilots,
        handshake: HandshakeContext,
        *,
        keeper: Keeper | None = None,
        look: Look = nothing,
        making: Making | None = None,
    ) -> None:
        self.parts = parts
        self.keeper = keeper
        self.desk = Desk(keeper, parts.settings)
        if keeper is not None:
            keeper.listen(self._tell)
        self.copilots = copilots
        self.handshake = handshake
        self.examination = Examination(look, lambda: self.parts.settings)
        settings = parts.settings
        corrections = Corrections(
            settings.user_dir, most=settings.corrections_max, bytes_max=settings.corrections_bytes_max
        )
        self.trainings = Trainings(
            settings, copilots, corrections, tell=self._tell, changed=self._tell_copilots,
            allowed=parts.engine.capabilities.changes_adapters,
        )  # fmt: skip
        self.teaching = TeachDesk(
            settings, copilots, corrections, keeper=keeper, tell=self._tell, changed=self._tell_copilots
        )
        self.own_desk = OwnDesk(
            settings, copilots, parts.base.layout, changed=self._tell_copilots,
            in_training=lambda: self.trainings.running,
        )  # fmt: skip
        self.documents_desk = DocumentsDesk(parts, tell=self._tell, changed=self._tell_copilots)
        self.engine_desk = self._make_engine_desk(making)
        self._suggester = Suggester(parts.encoder)
        self._channels: set[Leaver] = set()
        self._proven: set[Leaver] = set()
        self._sessions: dict[str, Session] = {}
        self._pairings: dict[Session, Pairing] = {}
        self._farewells: dict[Session, asyncio.Task[None]] = {}
        self._closing = False

    def _make_engine_desk(self, making: Making | None) -> EngineDesk:
        switch = None
        if making is not None:
            switch = Switch(
                making.assemble,
                parts=lambda: self.parts,
                running=self._running,
                end=self._end_answers,
                adopt=self._adopt,
            )
        return EngineDesk(
            lambda: self.parts, switch, making.elsewhere if making is not None else None,
            tell=self._tell, training=lambda: self.trainings.running, port=self.handshake.port,
        )  # fmt: skip

    def enter(self, channel: Leaver) -> None:
        """A socket that has proved nothing yet; the gate counts those. Raises Busy when the server goes away."""
        if self._closing:
            raise Busy("The server is shutting down. Try again in a moment.", retry_after_ms=5_000)
        self._channels.add(channel)

    def admit(self, channel: Leaver) -> None:
        """A socket that has proved its key. Raises Busy when every place is taken."""
        if self._closing or len(self._proven) >= self.parts.settings.sockets_max:
            raise Busy("Too many connections. Close a window and try again.", retry_after_ms=5_000)
        self._proven.add(channel)

    def leave(self, channel: Leaver) -> None:
        self._channels.discard(channel)
        self._proven.discard(channel)

    def new_session(self, pairing: Pairing) -> Session:
        client = f"{pairing.origin} {pairing.client}"
        session = Session(
            self.parts, self.copilots, client=client, suggester=self._suggester, tried=self.own_desk.tried
        )
        self._sessions[session.id] = session
        self._pairings[session] = pairing
        return session

    async def watch_keys(self) -> None:
        """Runs for as long as the server: what `retinue pair revoke` takes away ends within `key_check_s`."""
        while True:
            await asyncio.sleep(self.parts.settings.key_check_s)
            for channel in list(self._proven):
                channel.leave_if_revoked()
            revoked = [session for session, pairing in self._pairings.items() if not self.still_paired(pairing)]
            await asyncio.gather(*(self._end(session) for session in revoked))

    def still_paired(self, pairing: Pairing) -> bool:
        """False also when the key file cannot be read: then nobody is."""
        try:
            return self.handshake.keys.holds(pairing)
        except (RetinueError, OSError):
            return False

    def resume(self, session_id: str, *, instead_of: Session) -> Session:
        """The earlier session, reachable under both ids from now on. Raises RetinueError (`resume_unknown`)."""
        earlier = self._sessions.get(session_id)
        if earlier is None or earlier.client != instead_of.client:
            raise RetinueError("That session is over. Open the page again and ask again.", code="resume_unknown")
        if earlier is not instead_of:
            self._sessions[instead_of.id] = earlier
        farewell = self._farewells.pop(earlier, None)
        if farewell:
            farewell.cancel()
        return earlier

    async def part(self, session: Session, outbox: Outbox) -> None:
        """The socket is gone: keep the session for `resume_s` when there is something to come back to."""
        if not session.detach(outbox):
            return
        if session.empty or self._closing:
            await self._end(session)
        else:
            self._farewells[session] = asyncio.create_task(self._end_later(session))

    async def shut_down(self) -> None:
        """End every answer with its last event, tell every client, then end every session. No socket is let in."""
        self._closing = True
        why = RunError(
            "The server is shutting down. Ask again when it is back.", code="going_away", retry_after_ms=5_000
        )
        for session in set(self._sessions.values()):
            session.abandon_runs(why)
            session.say_no_more()
        leaving = list(self._channels)
        for channel in leaving:
            channel.shut_down()
        await asyncio.gather(*(channel.gone() for channel in leaving))
        for farewell in self._farewells.values():
            farewell.cancel()
        await asyncio.gather(*(self._end(session) for session in set(self._sessions.values())))
        await self.engine_desk.close()
        await self.trainings.close()
        await self.documents_desk.close()
        await self.own_desk.close()
        await self.examination.close()

    def copilot_cards(self) -> list[CopilotCard]:
        return [
            CopilotCard(
                id=copilot.id,
                name=copilot.name,
                category=copilot.category,
                category_name=copilot.category_name,
                icon=copilot.icon,
                promise=copilot.promise,
                starters=list(copilot.starters),
                mode=copilot.mode,
                refused=copilot.refused,
                trainable=copilot.usable and self.trainings.trainable(copilot.id),
                own=copilot.own,
            )
            for copilot in self.copilots.all()
        ]

    def panel_presets(self) -> list[PanelPreset]:
        return [
            PanelPreset(
                category=one.category, category_name=one.category_name, icon=one.icon, copilots=list(one.copilots)
            )
            for one in self.copilots.panels()
        ]

    def _running(self) -> list[asyncio.Task[None]]:
        return [task for session in set(self._sessions.values()) for task in session.running]

    def _end_answers(self) -> None:
        """Those that took too long when another engine is to answer."""
        why = RunError("Another model took over. Ask again.", code="engine_switched", retry_after_ms=500)
        for session in set(self._sessions.values()):
            session.abandon_runs(why)

    async def _adopt(self, parts: Parts, check_adapter: CheckAdapter | None) -> None:
        """Another engine answers from now on: hand it to everybody, and tell every client."""
        plain = parts.engine.capabilities.adapters == "plain"
        await asyncio.to_thread(self.copilots.rebase, parts.engine.info, check_adapter, plain=plain)
        self.parts, self._suggester = parts, Suggester(parts.encoder)
        self.trainings.adopt(parts.settings, allowed=parts.engine.capabilities.changes_adapters)
        self.own_desk.adopt(parts.base.layout)
        self._tell(EngineChanged(base=base_card(parts), engine=engine_card(parts)))
        self._tell_copilots()
        sessions = set(self._sessions.values())
        await asyncio.gather(
            self.documents_desk.adopt(parts), *(session.adopt(parts, self._suggester) for session in sessions)
        )

    def _tell_copilots(self) -> None:
        self._tell(CopilotList(copilots=self.copilot_cards(), panels=self.panel_presets()))

    def _tell(self, frame: Frame) -> None:
        for channel in self._channels:
            channel.tell(frame)

    async def _end_later(self, session: Session) -> None:
        await asyncio.sleep(self.parts.settings.resume_s)
        await self._end(session)

    async def _end(self, session: Session) -> None:
        for name in [name for name, known in self._sessions.items() if known is session]:
            del self._sessions[name]
        self._pairings.pop(session, None)
        farewell = self._farewells.pop(session, None)
        if farewell is not None and farewell is not asyncio.current_task():
            farewell.cancel()
        await session.close()
