"""What comes before frames and beside them: connections that say nothing, pings, fragments, unread answers.

The short forms; `make attack` prints the figures of the long ones.
"""

import asyncio
import contextlib
import resource
import socket
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from server.errors import RetinueError
from server.transport import listener
from server.transport.gate import Gate
from tests.attack.strangers import first_text_s, frames, let_go, ping_s, silent
from tests.server.fakes import ORIGIN, eventually, settings
from tests.server.live import running

SLOW = b"GET /ws HTTP/1.1\r\nHost: x\r\n"


async def test_a_connection_that_sends_nothing_is_let_go(tmp_path: Path) -> None:
    async with running(tmp_path, unproven_s_max=0.2) as live, silent(live, 1) as [stream]:
        assert await asyncio.wait_for(let_go(stream), 5) >= 0.1


async def test_a_request_that_never_ends_is_let_go(tmp_path: Path) -> None:
    async with running(tmp_path, unproven_s_max=0.5) as live, silent(live, 1) as [stream]:

        async def dribble() -> None:
            with contextlib.suppress(OSError):
                for at in range(1000):
                    stream[1].write(SLOW[at : at + 1] or b"X")
                    await stream[1].drain()
                    await asyncio.sleep(0.02)

        dribbling = asyncio.create_task(dribble())
        await asyncio.wait_for(let_go(stream), 5)
        dribbling.cancel()


async def test_a_connection_that_only_asks_after_the_health_is_let_go(tmp_path: Path) -> None:
    async with running(tmp_path, unproven_s_max=0.3) as live, silent(live, 1) as [(reader, writer)]:
        request = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\n\r\n".encode()

        async def keep_asking() -> None:
            while not reader.at_eof():
                writer.write(request)
                await writer.drain()
                await reader.read(65536)

        with contextlib.suppress(OSError):
            await asyncio.wait_for(keep_asking(), 5)


async def test_a_socket_without_hello_is_let_go(tmp_path: Path) -> None:
    async with running(tmp_path, hello_s_max=60, unproven_s_max=0.3) as live:
        client = await live.connect()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(client.recv(), 5)


async def test_a_proven_socket_stays(tmp_path: Path) -> None:
    async with running(tmp_path, unproven_s_max=0.3) as live, await live.connect() as client:
        await live.prove(client)
        await asyncio.sleep(0.5)
        await ping_s(client)


async def test_a_paired_client_gets_in_whoever_else_is_there(tmp_path: Path) -> None:
    """Silent connections, half requests and sockets without hello, three times as many as there are places."""
    async with running(tmp_path, unproven_max=20, sockets_max=2) as live, silent(live, 60) as streams:
        for _, writer in streams[::2]:
            with contextlib.suppress(OSError):
                writer.write(SLOW)
        strangers = [await live.connect("chrome-extension://" + "b" * 32) for _ in range(25)]

        assert await asyncio.wait_for(first_text_s(live), 10) < 10

        for stranger in strangers:
            stranger.transport.abort()


def gate(tmp_path: Path, **limits: Any) -> Gate:
    return Gate(settings(tmp_path, **limits), paired=lambda origin: origin == ORIGIN)


@pytest.mark.parametrize(("count", "dropped"), [(2, 0), (3, 0), (4, 1)])
async def test_the_gate_has_a_number_of_places(tmp_path: Path, count: int, dropped: int) -> None:
    door, gone = gate(tmp_path, unproven_max=3), []
    for at in range(count):
        door.enter(lambda at=at: gone.append(at))  # type: ignore[misc]

    assert gone == list(range(dropped))
    assert len(door) == count - dropped


async def test_who_has_shown_least_makes_way_first(tmp_path: Path) -> None:
    door, gone = gate(tmp_path, unproven_max=3), []
    for at, origin in enumerate((ORIGIN, "https://other.test", "")):
        visitor = door.enter(lambda at=at: gone.append(at))  # type: ignore[misc]
        if origin:
            door.asked(visitor, origin=origin)

    for at in range(3, 6):
        door.asked(door.enter(lambda at=at: gone.append(at)), origin=ORIGIN)  # type: ignore[misc]

    assert gone == [2, 1, 0]


async def test_the_places_are_free_again_when_connections_end(tmp_path: Path) -> None:
    async with running(tmp_path, unproven_s_max=5) as live:
        async with silent(live, 10):
            pass
        await eventually(lambda: not live.server.server_state.connections)


async def fails(tmp_path: Path, data: bytes, code: int | None, **limits: Any) -> None:
    """A proven client that sends these bytes is closed with this code (None: dropped), and others do not notice."""
    async with running(tmp_path, **limits) as live, await live.connect() as other:
        await live.prove(other)
        client = await live.connect()
        await live.prove(client)
        client.transport.write(data)
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(10):
                while True:
                    await client.recv()
        if code is not None:
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code
        assert await ping_s(other) < 2


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.TEXT])
async def test_more_frames_than_allowed_close_the_socket(tmp_path: Path, opcode: Opcode) -> None:
    data = frames(opcode, b"{" if opcode is Opcode.TEXT else b"", count=200)
    await fails(tmp_path, data, 1008, frames_burst_max=100, bad_frames_max=1000)


@pytest.mark.parametrize(("extra", "closed"), [(-1, False), (0, False), (1, True)])
async def test_the_burst_of_frames_has_a_size(tmp_path: Path, extra: int, closed: bool) -> None:
    async with running(tmp_path, frames_burst_max=50, frames_per_s_max=0.001) as live, await live.connect() as client:
        await live.prove(client)  # two frames, hello and proof
        client.transport.write(frames(Opcode.PONG, b"", count=50 - 2 - 1 + extra))
        if closed:
            with pytest.raises(ConnectionClosed):
                await ping_s(client)
        else:
            await ping_s(client)


async def test_fragments_without_end_close_the_socket(tmp_path: Path) -> None:
    data = frames(Opcode.TEXT, b"", count=1, fin=False) + frames(Opcode.CONT, b"", count=2_000, fin=False)
    await fails(tmp_path, data, 1009, frames_burst_max=100_000)


@pytest.mark.parametrize(("count", "closed"), [(9, False), (10, False), (11, True)])
async def test_a_frame_has_a_number_of_fragments(tmp_path: Path, count: int, closed: bool) -> None:
    async with running(tmp_path, fragments_max=10) as live, await live.connect() as client:
        await live.prove(client)
        client.transport.write(frames(Opcode.TEXT, b'{"type":"ping"}', count=1, fin=False))
        client.transport.write(frames(Opcode.CONT, b" ", count=count - 2, fin=False))
        client.transport.write(frames(Opcode.CONT, b"", count=1))
        if closed:
            with pytest.raises(ConnectionClosed):
                await client.recv()
        else:
            assert await client.recv() == '{"type":"pong"}'


async def test_pongs_that_nobody_reads_do_not_fill_the_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path, frames_burst_max=10**6, write_bytes_max=64 * 1024, send_s_max=60) as live:
        client = await live.connect()
        await live.prove(client)
        client.transport.pause_reading()
        for _ in range(200):
            if len(live.server.server_state.connections) == 0:
                break
            client.transport.write(frames(Opcode.PING, b"x" * 125, count=500))
            await asyncio.sleep(0.01)
        await eventually(lambda: not live.server.server_state.connections)
        assert "answers_unread" in caplog.text
        client.transport.abort()


async def test_before_the_proof_a_frame_is_short(tmp_path: Path) -> None:
    async with running(tmp_path) as live:
        client = await live.connect()
        await client.send("x" * 70_000)
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 1009


async def test_a_large_frame_in_fragments_arrives_whole(tmp_path: Path) -> None:
    async with running(tmp_path) as live, await live.connect() as client:
        await live.prove(client)
        await client.send([" " * 16_384] * 100 + ['{"type":"ping"}'])
        assert await client.recv() == '{"type":"pong"}'


def test_a_shell_that_allows_too_few_files_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 100))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: pytest.fail("raised too far"))

    with pytest.raises(RetinueError, match="ulimit -n") as refusal:
        listener.reserve_files(settings(tmp_path))

    assert refusal.value.code == "files_limit"


@pytest.mark.parametrize(("short", "raised"), [(1, True), (0, False), (-1, False)])
def test_the_limit_of_files_is_raised_as_far_as_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: int, raised: bool
) -> None:
    chosen = settings(tmp_path)
    needed = chosen.sockets_max + chosen.unproven_max + chosen.files_reserved + listener.ACCEPTED_AT_ONCE
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (needed - short, 10**6))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))

    listener.reserve_files(chosen)

    assert asked == ([(needed, 10**6)] if raised else [])


def test_the_listener_takes_few_connections_between_two_looks() -> None:
    assert settings(Path("x")).unproven_max > listener.ACCEPTED_AT_ONCE
    assert socket.SOMAXCONN >= listener.ACCEPTED_AT_ONCE
