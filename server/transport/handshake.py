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
from server.transport.pairing import derive_key, mac, new_nonce, same

Receive = Callable[[], Awaitable[ClientFrame]]
Send = Callable[[Frame], Awaitable[None]]


async def prove(handshake: HandshakeContext, *, origin: str, receive: Receive, send: Send) -> bytes:
    """The key that both sides proved. Raises NotPaired, OutOfOrder and RetinueError (`version_unsupported`)."""
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
    code = handshake.code.take_try() if hello.mode == "pair" else None
    key = await _key(handshake, code, origin=origin, nonce_client=hello.nonce, nonce_server=nonce_server)

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
    if code is not None:
        handshake.code.use(code)
        handshake.keys.store(origin, key)
        handshake.paired(origin)
    return key


def _what_to_renew(client: int) -> str:
    if client < VERSION:
        return "Build the extension anew with `make serve`, and reload it in the browser."
    return "Stop the server and start the newer one."


async def _key(
    handshake: HandshakeContext, code: str | None, *, origin: str, nonce_client: str, nonce_server: str
) -> bytes:
    if code is not None:
        return await asyncio.to_thread(derive_key, code, nonce_client=nonce_client, nonce_server=nonce_server)
    key = handshake.keys.key(origin)
    if key is None:
        raise NotPaired("This browser is not paired with the server. Pair it with the code in the terminal.")
    return key
