"""The peer that is fastest alone: llama.cpp's server, asked over HTTP with the token ids that we use.

`Llama` asks as clients do, each answer on whatever slot the server chooses. `LlamaOneSlot` is scheduled by hand:
one slot, one answer after another, so that the page's KV is never read twice. Its adapters are given at the start.
"""

import asyncio
import contextlib
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, TextIO

from bench.cases import Cases, PageCase, QuestionCase, Stamp
from bench.peers.llama_files import LlamaFiles
from server.errors import RetinueError

START_S_MAX = 300.0
_LINE_BYTES_MAX = 4 * 1024**2


class Llama:
    """`pid` is the server's process."""

    name = "llama.cpp, 8 slots"

    def __init__(self, port: int, cases: Cases, *, pid: int, label: str) -> None:
        self._port, self._cases, self.pid = port, cases, pid
        self.name = f"{self.name}, {label}"

    async def open(self, page: PageCase) -> None:
        """It reads a page with the first question about it."""
        await self.answer(QuestionCase(page=page, copilot=0, question="What is this?"))

    async def close(self, page: PageCase) -> None:
        """Its slots are written over when they are needed."""

    async def answer(self, ask: QuestionCase) -> Stamp:
        request = {
            "prompt": self._cases.prompt(ask),
            "lora": [{"id": ask.copilot, "scale": 1.0}],
            "n_predict": ask.tokens,
            "temperature": 0.0,
            "top_k": 1,
            "ignore_eos": True,
            "cache_prompt": True,
            "stream": True,
        }
        body = json.dumps(request).encode()
        sent, first, lines = time.perf_counter(), 0.0, []
        async for line in self._events(body):
            first = first or time.perf_counter()
            lines.append(line)
        ended = time.perf_counter()
        events = map(_event, lines)  # read only now: the clock is not for our parsing
        ids = [token for event in events if not event.get("stop") for token in event.get("tokens", [])]
        return Stamp(sent, first, ended, len(ids), tuple(ids))

    async def warm(self, asks: Sequence[QuestionCase]) -> None:
        await self.together(asks)

    async def together(self, asks: Sequence[QuestionCase]) -> list[Stamp]:
        return await asyncio.gather(*map(self.answer, asks))

    async def _events(self, body: bytes) -> AsyncIterator[bytes]:
        """The `data:` lines of the stream. Raises RetinueError (`bench_peer`) for another answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_LINE_BYTES_MAX)
        head = f"POST /completion HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        try:
            status = await reader.readline()
            if b" 200 " not in status:
                raise RetinueError(f"The peer refused: {(await reader.read())[-500:]!r}", code="bench_peer")
            async for line in reader:
                if line.startswith(b"data: {"):
                    yield line
        finally:
            writer.close()


class LlamaOneSlot(Llama):
    name = "llama.cpp, 1 slot by hand"

    async def together(self, asks: Sequence[QuestionCase]) -> list[Stamp]:
        sent = time.perf_counter()
        stamps = [await self.answer(ask) for ask in asks]
        return [Stamp(sent, stamp.first_s, stamp.ended_s, stamp.tokens, stamp.ids) for stamp in stamps]


@contextlib.asynccontextmanager
async def running(
    kind: type[Llama], files: LlamaFiles, cases: Cases, *, threads: int, context_tokens: int, device: str = "cpu"
) -> AsyncIterator[Llama]:
    """Its server on a free port, with `context_tokens` for each slot. Raises RetinueError when it does not start."""
    slots = 1 if kind is LlamaOneSlot else 8
    port = _free_port()
    command = [
        str(files.server), "-m", str(files.model), "--host", "127.0.0.1", "--port", str(port), "-t", str(threads),
        "-tb", str(threads), "-np", str(slots), "-c", str(slots * context_tokens),
        "-ngl", "99" if device == "cuda" else "0",
        "--lora", ",".join(map(str, files.adapters)), "--lora-init-without-apply",
    ]  # fmt: skip
    if files.model.stem == "f32":
        command += ["-ctk", "f32", "-ctv", "f32", "-fa", "off"]
    with tempfile.TemporaryFile("w+") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: ASYNC220, S603 - a program that we built
        try:
            await _healthy(child, port, log)
            yield kind(port, cases, pid=child.pid, label=files.model.stem)
        finally:
            child.terminate()
            child.wait(30)


async def _healthy(child: "subprocess.Popen[bytes]", port: int, log: TextIO) -> None:
    deadline = time.monotonic() + START_S_MAX
    while child.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            status = await reader.readline()
            writer.close()
            if b" 200 " in status:
                return
        await asyncio.sleep(0.05)
    log.seek(0)
    raise RetinueError(f"llama-server did not start: {log.read()[-1500:].strip()}", code="bench_peer")


def _event(line: bytes) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(line[len(b"data: ") :])
    return event


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
