"""Everyone who is connected: counts sockets, keeps sessions for `resume`, tells all of a training, says goodbye.

Called by channel and app. Made once in app; there is no other process-wide state.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from server.catalog.copilots import Copilots
from server.catalog.suggest import Suggester
from server.catalog.trainings import Trainings
from server.conversation.outbox import Outbox
from server.conversation.pages import Parts
from server.conversation.session import Session
from server.errors import Busy, RetinueError
from server.protocol import Frame
from server.protocol.server import BaseCard, CopilotCard, CopilotList
from server.transport.keyfile import KeyFile
from server.transport.pairing import PairingCode

_log = logging.getLogger(__name__)


class Leaver(Protocol):
    """A channel, as this module sees it."""

    def tell(self, frame: Frame) -> None: ...

    def shut_down(self) -> None: ...

    async def gone(self) -> None: ...


@dataclass(frozen=True, slots=True)
class HandshakeContext:
    """What the handshake needs. `paired` tells the user that an Origin paired."""

    keys: KeyFile
    code: PairingCode
    port: int
    paired: Callable[[str], None] = lambda origin: None


class Connections:
    def __init__(self, parts: Parts, copilots: Copilots, handshake: HandshakeContext) -> None:
        self.parts = parts
        self.copilots = copilots
        self.handshake = handshake
        self.trainings = Trainings(
            parts.settings,
            copilots,
            tell=self._tell,
            changed=lambda: self._tell(CopilotList(copilots=self.copilot_cards())),
        )
        self._suggester = Suggester(parts.encoder)
        self._channels: set[Leaver] = set()
        self._sessions: dict[str, Session] = {}
        self._farewells: dict[Session, asyncio.Task[None]] = {}
        self._closing = False

    def enter(self, channel: Leaver) -> None:
        """Raises Busy when every socket is taken."""
        if self._closing or len(self._channels) >= self.parts.settings.sockets_max:
            raise Busy("Too many connections. Close a window and try again.", retry_after_ms=5_000)
        self._channels.add(channel)

    def leave(self, channel: Leaver) -> None:
        self._channels.discard(channel)

    def new_session(self, origin: str) -> Session:
        session = Session(self.parts, self.copilots, origin=origin, suggester=self._suggester)
        self._sessions[session.id] = session
        return session

    def resume(self, session_id: str, *, instead_of: Session) -> Session:
        """The earlier session, reachable under both ids from now on. Raises RetinueError (`resume_unknown`)."""
        earlier = self._sessions.get(session_id)
        if earlier is None or earlier.origin != instead_of.origin:
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
        """Tell every client, then end every session. No socket is let in any more."""
        self._closing = True
        leaving = list(self._channels)
        for channel in leaving:
            channel.shut_down()
        await asyncio.gather(*(channel.gone() for channel in leaving))
        for farewell in self._farewells.values():
            farewell.cancel()
        await asyncio.gather(*(self._end(session) for session in set(self._sessions.values())))
        await self.trainings.close()

    def base_card(self) -> BaseCard:
        info = self.parts.engine.info
        return BaseCard(name=info.name, parameters=info.parameters, context_tokens=info.context_tokens)

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
            )
            for copilot in self.copilots.all()
        ]

    def _tell(self, frame: Frame) -> None:
        for channel in self._channels:
            channel.tell(frame)

    async def _end_later(self, session: Session) -> None:
        await asyncio.sleep(self.parts.settings.resume_s)
        self._farewells.pop(session, None)
        await self._end(session)

    async def _end(self, session: Session) -> None:
        for name in [name for name, known in self._sessions.items() if known is session]:
            del self._sessions[name]
        await session.close()
