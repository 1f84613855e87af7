"""The listening socket and what the terminal says."""

import asyncio
import io
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from server.catalog.acquire import install
from server.cli import serve
from server.errors import BaseError, RetinueError
from server.log import AtMost, NoTracebacks
from server.settings import Settings
from server.transport.keyfile import Pairing
from server.transport.listener import listen
from tests.children import environment
from tests.server.fakes import ORIGIN, settings


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RetinueError) as refusal:
            listen(settings(tmp_path, port=taken.getsockname()[1]))

    assert refusal.value.code == "port_in_use"


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.168.1.2", "example.com"])  # noqa: S104 - that is the point
def test_only_loopback_is_listened_on(tmp_path: Path, host: str) -> None:
    with pytest.raises(RetinueError) as refusal:
        listen(settings(tmp_path, host=host))

    assert refusal.value.code == "host_refused"


async def test_small_frames_are_sent_at_once(tmp_path: Path) -> None:
    """Not held back until the client has acknowledged the one before, which takes it up to 40 ms."""
    asked = asyncio.get_running_loop().create_future()

    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    with listen(settings(tmp_path, port=0)) as listener:
        async with await asyncio.start_server(answer, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            assert await asked
            writer.close()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux only")
def test_the_kernel_drops_a_client_that_stops_reading(tmp_path: Path) -> None:
    with listen(settings(tmp_path, port=0, send_s_max=15)) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * 256 * 1024


def test_a_base_that_is_missing_is_named_before_anything_listens(tmp_path: Path) -> None:
    with pytest.raises(RetinueError) as refusal:
        serve.serve(settings(tmp_path, base="none"), Console(file=io.StringIO()))

    assert refusal.value.code == "base_missing"


def test_what_is_missing_is_brought_before_anything_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, out = settings(tmp_path), io.StringIO()

    def ensure(asked: Settings, say: Callable[[str], None]) -> Path:
        assert asked is chosen
        say("[x] is fetched")
        raise BaseError("No network.", code="base_offline")

    monkeypatch.setattr(install, "ensure", ensure)
    monkeypatch.setattr(serve, "listen", lambda _: pytest.fail("it listens"))
    with pytest.raises(RetinueError) as refusal:
        serve.serve(chosen, Console(file=out))

    assert refusal.value.code == "base_offline"
    assert out.getvalue() == "[x] is fetched\n"


def test_a_foreign_extension_that_pairs_is_pointed_out() -> None:
    def note(origin: str) -> str:
        return serve._paired_note(Pairing(origin=origin, key_hex="00" * 32, name="Chrome on linux")).plain

    assert "not Retinue's own" not in note(ORIGIN)
    assert "not Retinue's own" not in note("moz-extension://x")
    assert "not Retinue's own" in note("chrome-extension://" + "b" * 32)
    assert "Chrome on linux" in note(ORIGIN)


ROOT = Path(__file__).parents[3]
SERVES = """
import asyncio, sys, threading
from pathlib import Path
from server.app import build_app
from server.cli import serve
from server.transport.listener import listen
from tests.children import environment
from tests.server.fakes import FakeEngine, base_text, settings

where, loads_for_ever = Path(sys.argv[1]), sys.argv[2] == "loading"

class Engine(FakeEngine):
    async def stop(self):
        await asyncio.to_thread(threading.Event().wait)

def load_base():
    print("loading", flush=True)
    if loads_for_ever:
        threading.Event().wait()
    return base_text()

chosen = settings(where, port=0)
serve._STOP_S_MAX = 0.5
listener = listen(chosen)
app = build_app(chosen, Engine(), load_base=load_base, port=1)
server = serve.Server(serve.config_for(app), app=app, ready=lambda: print("ready", flush=True))
asyncio.run(server.serve(sockets=[listener]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
@pytest.mark.parametrize(("state", "status"), [("loading", -signal.SIGTERM), ("ready", 1)])
def test_sigterm_ends_the_server_also_while_a_thread_hangs(tmp_path: Path, state: str, status: int) -> None:
    command = [sys.executable, "-c", SERVES, str(tmp_path), state]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment()) as server:  # noqa: S603
        assert server.stdout is not None
        while server.stdout.readline().strip() != state:
            assert server.poll() is None
        time.sleep(0.2)  # into the loop that waits
        server.terminate()

        try:
            assert server.wait(timeout=20) == status
        finally:
            server.kill()


def test_the_log_never_holds_a_traceback() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(NoTracebacks())
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise ValueError("CANARY")
    except ValueError:
        logger.error("failed", exc_info=sys.exc_info())

    assert out.getvalue() == "failed error=ValueError\n"


def test_lines_of_one_kind_are_limited_and_what_is_missing_is_told() -> None:
    out, now = io.StringIO(), [0.0]
    handler = logging.StreamHandler(out)
    handler.addFilter(AtMost(3, clock=lambda: now[0]))
    logger = logging.Logger("test")
    logger.addHandler(handler)

    for at in range(1_000):
        logger.warning("dropped n=%d", at)
    logger.warning("another")
    now[0] = 61.0
    logger.warning("dropped n=%d", 1_000)

    assert out.getvalue().splitlines() == [
        "dropped n=0", "dropped n=1", "dropped n=2", "another", "dropped n=1000 (997 more were left out)",
    ]  # fmt: skip
