"""Raw connections as an attacker opens them, and what is measured beside them. Used by the attacks and by figures."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode

from tests.server.fakes import ask, page_open
from tests.server.live import Live

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def silent(live: Live, count: int) -> AsyncIterator[list[Stream]]:
    """So many connections that send nothing."""
    streams = [await asyncio.open_connection("127.0.0.1", live.port) for _ in range(count)]
    try:
        yield streams
    finally:
        for _, writer in streams:
            writer.close()


async def let_go(stream: Stream) -> float:
    """Seconds until the server ends the connection."""
    started = time.monotonic()
    with contextlib.suppress(OSError):
        await stream[0].read()
    return time.monotonic() - started


def frames(opcode: Opcode, payload: bytes, *, count: int, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True) * count


async def first_text_s(live: Live) -> float:
    """From a new connection to the first text of an answer."""
    started = time.monotonic()
    async with await live.connect() as client:
        ready = await live.prove(client)
        assert ready["type"] == "ready", ready
        await client.send(json.dumps(page_open()))
        await client.send(json.dumps(ask()))
        while json.loads(await client.recv())["type"] != "run.delta":
            pass
    return time.monotonic() - started


async def ping_s(client: ClientConnection) -> float:
    started = time.monotonic()
    await client.send('{"type":"ping"}')
    while json.loads(await client.recv())["type"] != "pong":
        pass
    return time.monotonic() - started


@dataclass(slots=True)
class Lag:
    """How late the event loop comes to what it was asked for, sample by sample."""

    samples_s: list[float] = field(default_factory=list)

    async def watch(self, every_s: float = 0.005) -> None:
        while True:
            due = time.monotonic() + every_s
            await asyncio.sleep(every_s)
            self.samples_s.append(time.monotonic() - due)

    def percentile_ms(self, share: float) -> float:
        return percentile(self.samples_s, share) * 1000


def percentile(samples: list[float], share: float) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextlib.asynccontextmanager
async def measured_lag() -> AsyncIterator[Lag]:
    lag = Lag()
    watching = asyncio.create_task(lag.watch())
    try:
        yield lag
    finally:
        watching.cancel()
