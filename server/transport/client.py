"""The command line's side of the socket, and the same frames without one: a Session in this process.

Called by ask. Both give `send` and `receive`; neither knows terminals or files.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from server.catalog.copilots import Copilots
from server.conversation.outbox import Outbox
from server.conversation.pages import Parts
from server.conversation.session import Session
from server.errors import NotPaired, RetinueError
from server.protocol import VERSION, Frame
from server.protocol.client import ClientFrame, Hello, Proof
from server.protocol.server import SERVER_FRAME, Challenge, Error, Ready, ServerFrame
from server.settings import Settings
from server.transport.keyfile import CLI_ORIGIN, KeyFile
from server.transport.pairing import mac, new_nonce, same

_OPEN_S_MAX = 5.0


class Link(Protocol):
    async def send(self, frame: ClientFrame) -> None: ...

    async def receive(self) -> Frame: ...


class SocketLink:
    """A running server. Sends nothing but hello before the server has proved the key."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, frame: ClientFrame) -> None:
        await self._socket.send(frame.model_dump_json())

    async def receive(self) -> ServerFrame:
        try:
            return SERVER_FRAME.validate_json(await self._socket.recv())
        except WebSocketException as error:
            raise RetinueError("The server closed the connection.", code="server_gone") from error

    async def prove(self, key: bytes, *, port: int) -> Ready:
        """Raises NotPaired when another program answers on the port, or the server does not know our key."""
        nonce = new_nonce()
        await self.send(Hello(type="hello", version=VERSION, mode="proof", nonce=nonce))
        challenge = await self.receive()
        if isinstance(challenge, Error):
            raise NotPaired(challenge.message, code=challenge.code)
        fields = {"version": VERSION, "port": port}
        if not isinstance(challenge, Challenge) or not same(
            challenge.mac, _mac("server", key, nonce, challenge.nonce, **fields)
        ):
            raise NotPaired("Another program answers on Retinue's port. Stop it, or set RETINUE_PORT.", code="impostor")
        await self.send(Proof(type="proof", mac=_mac("client", key, nonce, challenge.nonce, **fields)))
        ready = await self.receive()
        if not isinstance(ready, Ready):
            raise NotPaired("The server did not accept this user's key. Restart it.")
        return ready


def _mac(role: str, key: bytes, nonce_client: str, nonce_server: str, *, version: int, port: int) -> str:
    return mac(
        "server" if role == "server" else "client",
        key,
        version=version,
        nonce_client=nonce_client,
        nonce_server=nonce_server,
        origin=CLI_ORIGIN,
        port=port,
    )


class LocalLink:
    """No server: the same Session over an engine of our own."""

    def __init__(self, parts: Parts, copilots: Copilots) -> None:
        self._outbox = Outbox(events_max=parts.settings.outbox_events_max)
        self._session = Session(parts, copilots, client=CLI_ORIGIN)
        self._session.attach(self._outbox)

    async def send(self, frame: ClientFrame) -> None:
        self._session.receive(frame)

    async def receive(self) -> Frame:
        return await self._outbox.get()

    async def close(self) -> None:
        await self._session.close()


@contextlib.asynccontextmanager
async def connect_to_server(settings: Settings) -> AsyncIterator[tuple[SocketLink, Ready] | None]:
    """None when no server of ours can be reached: nothing listens, or it never made a key for us."""
    key = KeyFile(settings.config_dir).key(CLI_ORIGIN)
    socket = await _open(settings) if key else None
    if socket is None or key is None:
        yield None
        return
    async with socket:
        link = SocketLink(socket)
        yield link, await link.prove(key, port=settings.port)


async def _open(settings: Settings) -> ClientConnection | None:
    try:
        return await connect(
            f"ws://{settings.host}:{settings.port}/ws",
            additional_headers={"Origin": CLI_ORIGIN},
            compression=None,
            open_timeout=_OPEN_S_MAX,
            max_size=settings.frame_bytes_max,
            proxy=None,
        )
    except (OSError, TimeoutError, InvalidHandshake):
        return None
