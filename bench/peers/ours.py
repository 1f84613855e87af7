"""Our side: a real server in a child process, asked over its websocket as the extension asks."""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.cases import Cases, PageCase, QuestionCase, Stamp
from server.errors import RetinueError
from server.protocol.client import Ask, EarlierTurn, PageClose, PageOpen
from server.protocol.server import Ready
from server.settings import Settings
from server.transport.client import SocketLink
from server.transport.keyfile import CLI_ORIGIN, KeyFile

NAME = "retinue"
START_S_MAX = 600.0
_LIMITS = {"RUNS_PER_SOCKET_MAX": "8", "ANSWER_S_MAX": "900", "FRAME_BYTES_MAX": str(64 * 1024**2)}


class Ours:
    """`pid` is the server's process, `ready` what it said when we connected."""

    name = NAME

    def __init__(self, socket: ClientConnection, cases: Cases, *, pid: int, ready: Ready) -> None:
        self._socket, self._cases, self.pid, self.ready = socket, cases, pid, ready
        self._numbers = itertools.count()
        self._open: dict[PageCase, str] = {}
        self._events: dict[str, asyncio.Queue[tuple[float, dict[str, Any]]]] = {}

    async def listen(self) -> None:
        """Hand every frame to whoever waits for it, with the time at which it came; at the end, the end to all."""
        async for frame in _until_closed(self._socket):
            now, event = time.perf_counter(), json.loads(frame)
            waiting = self._events.get(event.get("run") or event.get("page") or "")
            if waiting is not None:
                waiting.put_nowait((now, event))
        for waiting in self._events.values():
            closed = {"type": "error", "code": "bench_server", "message": "The server closed the connection."}
            waiting.put_nowait((time.perf_counter(), closed))

    async def open(self, page: PageCase) -> None:
        name = await self._send_page(page)
        while (await self._next(name))[1]["type"] != "page.ready":
            pass

    async def close(self, page: PageCase) -> None:
        name = self._open.pop(page)
        self._events.pop(name)
        await self._socket.send(PageClose(type="page.close", page=name).model_dump_json())

    async def answer(self, ask: QuestionCase) -> Stamp:
        sent, first, written = time.perf_counter(), 0.0, list[int]()
        page = self._open.get(ask.page) or await self._send_page(ask.page)
        run = f"run{next(self._numbers)}"
        self._events[run] = asyncio.Queue()
        frame = Ask(
            type="ask", run=run, page=page, copilot=self._cases.copilots[ask.copilot], question=ask.question,
            history=[EarlierTurn(question=turn.question, answer=turn.answer) for turn in ask.history],
            max_tokens=ask.tokens,
        )  # fmt: skip
        await self._socket.send(frame.model_dump_json())
        while True:
            now, event = await self._next(run)
            if event["type"] == "run.delta":
                first = first or now
                written.append(len(event["text"]))
            elif event["type"] == "run.done":
                del self._events[run]
                tokens = event["usage"]["answer_tokens"]
                share = written[0] / sum(written) if written else 1.0  # events count characters, not tokens
                return Stamp(sent, first or now, now, tokens, first_tokens=max(1.0, share * tokens))

    async def warm(self, asks: Sequence[QuestionCase]) -> None:
        await self.together(asks)

    async def together(self, asks: Sequence[QuestionCase]) -> list[Stamp]:
        return await asyncio.gather(*map(self.answer, asks))

    async def _send_page(self, page: PageCase) -> str:
        name = f"page{next(self._numbers)}"
        self._open[page], self._events[name] = name, asyncio.Queue()
        frame = PageOpen(type="page.open", page=name, title=page.title, url="", blocks=list(page.blocks))
        await self._socket.send(frame.model_dump_json())
        return name

    async def _next(self, name: str) -> tuple[float, dict[str, Any]]:
        now, event = await self._events[name].get()
        if event["type"] in ("error", "run.error"):
            raise RetinueError(event["message"], code=event["code"])
        return now, event


@contextlib.asynccontextmanager
async def serving(
    base: Path, cases: Cases, settings: Settings, *, stops: bool = False, device: str = "cpu"
) -> AsyncIterator[Ours]:
    """A running server for the base in a folder, with a configuration folder of its own, gone at the end."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "server.log").open("w+") as log:
        port = _free_port()
        environment = {
            "RETINUE_PORT": str(port),
            "RETINUE_BASE": base.name,
            "RETINUE_BASES_DIR": str(base.parent),
            "RETINUE_CONFIG_DIR": folder,
            "RETINUE_USER_DIR": str(settings.user_dir),
            "RETINUE_ADAPTERS_DIR": str(settings.adapters_dir),
            "BENCH_STOPS": "1" if stops else "0",
            "BENCH_DEVICE": device,
            "HF_HUB_OFFLINE": "1",
            **{f"RETINUE_{name}": value for name, value in _LIMITS.items()},
        }
        command = [sys.executable, "-m", "bench.scenes.endless"]
        child = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)  # noqa: ASYNC220, S603
        try:
            link = await _connect(child, port, Path(folder), log)
            async with link:
                ready = await SocketLink(link).prove(_key(Path(folder)), port=port)
                ours = Ours(link, cases, pid=child.pid, ready=ready)
                listening = asyncio.create_task(ours.listen())
                try:
                    yield ours
                finally:
                    listening.cancel()
            log.seek(0)
            if "repeated row by row" in log.read():  # right answers, but not the engine's own speed
                raise RetinueError(
                    "Steps of the engine failed and were repeated; see the server's log.", code="bench_server"
                )
        finally:
            child.terminate()
            child.wait(30)


async def _connect(child: "subprocess.Popen[bytes]", port: int, config_dir: Path, log: TextIO) -> ClientConnection:
    """Wait until the server listens. Raises RetinueError with the end of its log when it does not."""
    deadline = time.monotonic() + START_S_MAX
    while child.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, TimeoutError, RetinueError):
            _key(config_dir)
            return await connect(
                f"ws://127.0.0.1:{port}/ws", additional_headers={"Origin": CLI_ORIGIN}, compression=None,
                max_size=None, proxy=None, ping_interval=None,
            )  # fmt: skip
        await asyncio.sleep(0.05)
    log.seek(0)
    raise RetinueError(f"The server did not start: {log.read()[-2000:].strip()}", code="bench_server")


async def _until_closed(socket: ClientConnection) -> AsyncIterator[str | bytes]:
    with contextlib.suppress(WebSocketException):
        async for frame in socket:
            yield frame


def _key(config_dir: Path) -> bytes:
    key = KeyFile(config_dir).key(CLI_ORIGIN)
    if key is None:
        raise RetinueError("The server has made no key yet.", code="bench_server")
    return key


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
