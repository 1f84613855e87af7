"""The app behind a real uvicorn on loopback: Host x Origin x key, frame sizes, stopped readers, goodbye."""

import asyncio
import contextlib
import http.client
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from server.app import build_app
from server.catalog.bases import BaseText
from server.cli.serve import Server, config_for
from server.log import NoTracebacks
from server.transport.keyfile import CLI_ORIGIN
from server.transport.listener import listen
from tests.server.fakes import KEY, ORIGIN, FakeEngine, ask, base_text, eventually, page_open, settings
from tests.server.live import Live, running

STRANGER = "chrome-extension://" + "b" * 32


HOSTS = [
    ("127.0.0.1:{}", True),
    ("localhost:{}", True),
    ("[::1]:{}", True),
    ("evil.com:{}", False),
    ("127.0.0.1.evil.com:{}", False),
    ("0.0.0.0:{}", False),
    ("127.0.0.1:1", False),
    ("127.0.0.1", False),
]
ORIGINS = [(ORIGIN, True), (STRANGER, True), (None, False), ("null", False), ("https://evil.com", False),
           ("http://127.0.0.1:8377", False)]  # fmt: skip
KEYS = [KEY, b"x" * 32, b"\0" * 32]


async def test_only_a_known_origin_with_its_key_on_our_host_gets_in(tmp_path: Path) -> None:
    outcomes = set()
    async with running(tmp_path, sockets_max=1000) as live:
        for host, host_good in HOSTS:
            for origin, origin_good in ORIGINS:
                for key in KEYS:
                    got_in = await outcome(live, host.format(live.port), origin, key)
                    expected = host_good and origin_good and origin == ORIGIN and key == KEY
                    assert got_in == expected, (host, origin, key)
                    outcomes.add((host, origin, key))
        assert not live.engine.requests
    assert len(outcomes) == len(HOSTS) * len(ORIGINS) * len(KEYS)


async def outcome(live: Live, host: str, origin: str | None, key: bytes) -> bool:
    try:
        client = await live.connect(origin, host=host)
    except InvalidStatus as refusal:
        assert refusal.response.status_code == 403
        return False
    async with client:
        return bool((await live.prove(client, key=key, origin=str(origin)))["type"] == "ready")


async def test_two_origin_headers_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as live:
        with pytest.raises(InvalidStatus):
            await connect(
                f"ws://127.0.0.1:{live.port}/ws",
                additional_headers=[("Origin", ORIGIN), ("Origin", ORIGIN)],
                proxy=None,
            )


def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.putrequest("GET", path, skip_host=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


async def test_http_answers_health_and_nothing_else(tmp_path: Path) -> None:
    async with running(tmp_path) as live:
        host = f"127.0.0.1:{live.port}"

        async def status(path: str, **headers: str) -> tuple[int, str]:
            return await asyncio.to_thread(get, live.port, path, **headers)

        assert await status("/healthz", host=host) == (200, "ok")
        assert (await status("/healthz", host=host, sec_fetch_site="same-origin"))[0] == 200
        for site in ("cross-site", "same-site"):
            assert (await status("/healthz", host=host, sec_fetch_site=site))[0] == 403
        for wrong in ("evil.com", "127.0.0.1", f"evil.com:{live.port}", ""):
            assert (await status("/healthz", host=wrong))[0] == 400
        for path in ("/", "/docs", "/openapi.json", "/redoc", "/ws"):
            assert (await status(path, host=host))[0] == 404


async def test_a_question_is_answered_over_tcp(tmp_path: Path) -> None:
    async with running(tmp_path) as live, await live.connect() as client:
        await live.prove(client)
        await client.send(json.dumps(page_open()))
        await client.send(json.dumps(ask()))
        while (frame := json.loads(await client.recv()))["type"] != "run.done":
            pass
        assert frame["answer"] == live.engine.script


@pytest.mark.parametrize(("extra", "fits"), [(-1, True), (0, True), (1, False)])
async def test_a_frame_has_a_size(tmp_path: Path, extra: int, fits: bool) -> None:
    async with running(tmp_path, frame_bytes_max=2000) as live, await live.connect() as client:
        await live.prove(client)
        await client.send('{"type":"ping"}' + " " * (2000 + extra - 15))
        if fits:
            assert json.loads(await client.recv()) == {"type": "pong"}
        else:
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert client.close_code == 1009


async def test_the_cli_key_is_made_at_the_first_start(tmp_path: Path) -> None:
    async with running(tmp_path) as live, await live.connect(CLI_ORIGIN) as client:
        key = live.keys.key(CLI_ORIGIN)
        assert key
        assert (await live.prove(client, key=key, origin=CLI_ORIGIN))["type"] == "ready"


def ten_thousand_chars_each(ids: Sequence[int]) -> str:
    return "".join(f"{at * 7919 % 10007:05d}" for token in ids for at in range(token, token + 2000))


async def test_a_stopped_reader_is_freed_and_others_do_not_notice(tmp_path: Path) -> None:
    engine = FakeEngine("".join(map(chr, range(1, 128))) * 10, piece=1)
    wordy = BaseText(base_text().layout, ten_thousand_chars_each, frozenset())
    async with running(tmp_path, engine, wordy, send_s_max=0.3, resume_s=0, answer_tokens_max=2000) as live:
        stopped = await live.connect()
        await live.prove(stopped)
        stopped.transport.pause_reading()
        for frame in (page_open(), ask(max_tokens=2000)):
            await stopped.send(json.dumps(frame))
        async with await live.connect() as other:
            await live.prove(other)
            async with asyncio.timeout(10):
                while len(live.server.server_state.connections) > 1:
                    await other.send('{"type":"ping"}')
                    await asyncio.wait_for(other.recv(), 1)
                    await asyncio.sleep(0.02)
        stopped.transport.abort()
        await eventually(lambda: engine.rows == 0)


async def test_clients_hear_that_the_server_goes_away(tmp_path: Path) -> None:
    async with running(tmp_path) as live:
        client = await live.connect()
        await live.prove(client)
        live.server.should_exit = True

        assert json.loads(await client.recv()) == {"type": "going_away"}
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 1001


async def test_garbage_bytes_leave_the_server_well_and_the_log_without_tracebacks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.addFilter(NoTracebacks())
    async with running(tmp_path) as live:
        for payload in (b"\x81\x82\0\0\0\0\xff\xfe", b"\xff" * 200, b"\x01\x80\0\0\0\0" * 50, b"\x88\x80\0\0\0\0"):
            client = await live.connect()
            client.transport.write(payload)
            with contextlib.suppress(ConnectionClosed, TimeoutError):
                await asyncio.wait_for(client.recv(), 2)
            client.transport.abort()
        for raw in (
            b"\0" * 100,
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
            writer.write(raw)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), 0.2)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        async with await live.connect() as client:
            assert (await live.prove(client))["type"] == "ready"
    assert "Traceback" not in caplog.text


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    from server.errors import BaseError

    class NoEngine(FakeEngine):
        async def start(self) -> None:
            raise BaseError("The base model is damaged.")

    chosen = settings(tmp_path, port=0)
    with listen(chosen) as listener:
        app = build_app(chosen, NoEngine(), load_base=base_text, port=1)
        server = Server(config_for(app), app=app)
        await server.serve(sockets=[listener])

    assert isinstance(server.failure, BaseError)


async def test_a_fault_that_nobody_foresaw_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    def no_text() -> BaseText:
        raise ZeroDivisionError("division by zero")

    chosen = settings(tmp_path, port=0)
    with listen(chosen) as listener:
        app = build_app(chosen, FakeEngine(), load_base=no_text, port=1)
        server = Server(config_for(app), app=app)
        await server.serve(sockets=[listener])

    assert server.failure is not None
    assert server.failure.code == "start_failed"
    assert "ZeroDivisionError: division by zero" in server.failure.message


async def test_a_connection_can_be_refused_quickly(tmp_path: Path) -> None:
    async with running(tmp_path) as live:
        started = asyncio.get_running_loop().time()
        with pytest.raises((InvalidStatus, InvalidMessage)):
            await live.connect("https://evil.com")
        assert asyncio.get_running_loop().time() - started < 0.5


async def test_the_sample_page_is_a_plain_page_that_runs_nothing(tmp_path: Path) -> None:
    app = build_app(settings(tmp_path), FakeEngine(), load_base=base_text, port=1)
    [page] = [route for route in app.routes if isinstance(route, APIRoute) and route.path == "/sample"]
    response = await page.endpoint()

    assert "<script" not in response.body.decode()
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "Membership costs 24 euros a year." in response.body.decode()
