"""The real app behind a real uvicorn on a loopback port, over a fake engine."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from server.app import build_app
from server.catalog.bases import BaseText
from server.cli.serve import Server, config_for
from server.protocol import VERSION
from server.transport.keyfile import KeyFile
from server.transport.listener import listen
from server.transport.pairing import mac, new_nonce
from tests.server.fakes import KEY, ORIGIN, FakeEngine, base_text, hello, settings, some_copilots


class Address:
    """A server on a loopback port, in this process or another, as its paired client reaches it."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def connect(self, origin: str | None = ORIGIN, *, host: str | None = None) -> ClientConnection:
        headers = {"Origin": origin} if origin is not None else {}
        return await connect(
            f"ws://{host or f'127.0.0.1:{self.port}'}/ws",
            additional_headers=headers,
            host="127.0.0.1",
            port=self.port,
            compression=None,
            proxy=None,
            ping_interval=None,
            max_size=None,
        )

    async def prove(self, client: ClientConnection, *, key: bytes = KEY, origin: str = ORIGIN) -> dict[str, Any]:
        """`ready`, or the error."""
        nonce = new_nonce()
        await client.send(json.dumps(hello(nonce)))
        challenge: dict[str, Any] = json.loads(await client.recv())
        if challenge["type"] == "error":
            return challenge
        proof = mac(
            "client",
            key,
            version=VERSION,
            nonce_client=nonce,
            nonce_server=challenge["nonce"],
            origin=origin,
            port=self.port,
        )
        await client.send(json.dumps({"type": "proof", "mac": proof}))
        answer: dict[str, Any] = json.loads(await client.recv())
        return answer


class Live(Address):
    """A server in this process."""

    def __init__(self, port: int, engine: FakeEngine, keys: KeyFile, server: Server) -> None:
        super().__init__(port)
        self.engine, self.keys, self.server = engine, keys, server


@contextlib.asynccontextmanager
async def running(
    tmp_path: Path, engine: FakeEngine | None = None, base: BaseText | None = None, **limits: Any
) -> AsyncIterator[Live]:
    engine = engine or FakeEngine()
    chosen = settings(tmp_path, port=0, **limits)
    some_copilots(chosen)
    keys = KeyFile(chosen.config_dir)
    keys.store(ORIGIN, KEY)
    listener = listen(chosen)
    port = listener.getsockname()[1]
    app = build_app(chosen, engine, load_base=lambda: base or base_text(), port=port)
    server = Server(config_for(app), app=app)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield Live(port, engine, keys, server)
    finally:
        server.should_exit = True
        await serving
        listener.close()
        assert not getattr(engine, "running", False)
