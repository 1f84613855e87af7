"""The mutual proof at the start of a socket: hello -> challenge -> proof. The server proves itself first.

Called by channel. Nothing but these three frames passes before both sides know that the other has the key.
"""

import asyncio
from collections.abc import Awaitable, Callable

from server.errors import NotPaired, OutOfOrder, RetinueError
from server.protocol import VERSION, Frame
from server.protocol.client import ClientFrame, Hello, Proof
from server.protocol.server import Challenge
from server.transport.connections import HandshakeContext
from server.transport.keyfile import Pairing
from server.transport.pairing import derive_key, mac, new_nonce, same

Receive = Callable[[], Awaitable[ClientFrame]]
Send = Callable[[Frame], Awaitable[None]]


async def prove(handshake: HandshakeContext, *, origin: str, receive: Receive, send: Send) -> Pairing:
    """The pairing whose key both sides proved.

    Raises NotPaired, OutOfOrder and RetinueError (`version_unsupported`).
    """
    hello = await receive()
    if not isinstance(hello, Hello):
        raise OutOfOrder("The first frame is hello.")
    if hello.version != VERSION:
        raise RetinueError(
            f"This client speaks version {hello.version} of Retinue's protocol, the server version {VERSION}. "
            f"{_what_to_renew(hello.version)}",
            code="version_unsupported",
        )
    nonce_server = new_nonce()
    pairing = _pairing(handshake, hello, origin=origin) if hello.mode == "proof" else None
    code = handshake.code.take_try(origin) if pairing is None else ""
    key = pairing.key if pairing else await _new_key(handshake, code, client=hello.nonce, server=nonce_server)

    def expected(role: str) -> str:
        return mac(
            "server" if role == "server" else "client",
            key,
            version=VERSION,
            nonce_client=hello.nonce,
            nonce_server=nonce_server,
            origin=origin,
            port=handshake.port,
        )

    await send(Challenge(nonce=nonce_server, mac=expected("server")))
    proof = await receive()
    if not isinstance(proof, Proof):
        raise OutOfOrder("The frame after challenge is proof.")
    if not same(proof.mac, expected("client")):
        raise NotPaired("The proof is wrong. Pair again with the code in the terminal.")
    if pairing is None:
        handshake.code.use(code)
        pairing = handshake.keys.store(origin, key, client=hello.client or "", name=hello.name or "")
        handshake.paired(pairing)
    return pairing


def _what_to_renew(client: int) -> str:
    if client < VERSION:
        return "Build the extension anew with `make serve`, and reload it in the browser."
    return "Stop the server and start the newer one."


def _pairing(handshake: HandshakeContext, hello: Hello, *, origin: str) -> Pairing:
    pairing = handshake.keys.find(origin, hello.client or "")
    if pairing is None:
        raise NotPaired("This browser is not paired with the server. Pair it with the code in the terminal.")
    return pairing


async def _new_key(handshake: HandshakeContext, code: str, *, client: str, server: str) -> bytes:
    """One at a time: it is long work, and strangers can ask for it."""
    async with handshake.deriving:
        return await asyncio.to_thread(derive_key, code, nonce_client=client, nonce_server=server)
