"""A program that squats on the server's port: any proof it gives is wrong. Prints its port, then each frame it gets."""

import asyncio
import json
import secrets

from websockets.asyncio.server import ServerConnection, serve


async def answer(connection: ServerConnection) -> None:
    async for frame in connection:
        print(frame if isinstance(frame, str) else json.dumps({"type": "bytes"}), flush=True)
        if json.loads(frame).get("type") == "hello":
            challenge = {
                "type": "challenge",
                "version": 2,
                "nonce": secrets.token_hex(32),
                "mac": secrets.token_hex(32),
            }
            await connection.send(json.dumps(challenge))


async def main() -> None:
    async with serve(answer, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.wait_closed()


asyncio.run(main())
