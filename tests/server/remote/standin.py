"""A server elsewhere that plays what was recorded: exact bytes, in exact pieces, with pauses and sudden ends."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Step = bytes | float  # bytes to send, or seconds to wait
ENDLESS = -1.0  # sends its last bytes again and again
_REASONS = {200: "OK"}


@dataclass
class Play:
    """One answer. Without `whole` the connection is cut after the last step, and HTTP's own end is missing."""

    steps: Sequence[Step] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    whole: bool = True


def as_json(content: Any, status: int = 200, **headers: str) -> Play:
    return Play([json.dumps(content).encode()], status, {"content-type": "application/json", **headers})


MODELS = as_json({"object": "list", "data": [{"id": "smol", "object": "model", "owned_by": "x"}]})


class StandIn:
    """`plays[path]` are played one after the other, the last one again and again."""

    def __init__(self) -> None:
        self.plays: dict[str, list[Play]] = {"/v1/models": [MODELS]}
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.left = asyncio.Event()  # a client went away before its answer was whole
        self.url = ""
        self._tasks: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["StandIn"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def bodies(self, path: str) -> list[Any]:
        return [body for asked, _, body in self.asked if asked == path]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone: asyncio.Task[bytes] | None = None
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            path = head[0].split()[1]
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.asked.append((path, headers, json.loads(body) if body else None))
            plays = self.plays.get(path, [as_json({"detail": "Not Found"}, 404)])
            play = plays.pop(0) if len(plays) > 1 else plays[0]
            gone = asyncio.create_task(reader.read(1))
            await self._play(play, writer, gone=gone)
        except ConnectionError:
            self.left.set()
        finally:
            if gone is not None:
                gone.cancel()
                await asyncio.wait({gone})
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _play(self, play: Play, writer: asyncio.StreamWriter, *, gone: asyncio.Task[bytes]) -> None:
        lines = [f"HTTP/1.1 {play.status} {_REASONS.get(play.status, 'X')}", "transfer-encoding: chunked"]
        lines += [f"{name}: {value}" for name, value in play.headers.items()]
        writer.write(("\r\n".join([*lines, "connection: close"]) + "\r\n\r\n").encode())
        for step in play.steps:
            if isinstance(step, bytes):
                writer.write(b"%x\r\n%s\r\n" % (len(step), step))
            elif step == ENDLESS:
                while not gone.done():
                    writer.write(b"%x\r\n%s\r\n" % (len(play.steps[0]), play.steps[0]))  # type: ignore[arg-type]
                    await writer.drain()
                    await asyncio.sleep(0.001)
            else:
                await asyncio.wait({gone}, timeout=step)
            await writer.drain()
            if gone.done():
                self.left.set()
                return
        if play.whole:
            writer.write(b"0\r\n\r\n")
            await writer.drain()


def event(content: Any) -> bytes:
    return f"data: {content if isinstance(content, str) else json.dumps(content)}\n\n".encode()


def chunk(text: str | None, *, model: str = "smol", finish: str | None = None, **added: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, "logprobs": None, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice], **added}


USAGE = {"prompt_tokens": 31, "total_tokens": 35, "completion_tokens": 4}
ANSWER = 'Two years: "The term is two years." [2] – že.'


def vllm(answer: str = ANSWER) -> bytes:
    """vLLM 0.32: an empty first piece, the last piece with its reason, figures apart."""
    first = chunk("", prompt_token_ids=None)
    first["choices"][0]["delta"] = {"role": "assistant", "content": ""}
    half = len(answer) // 2
    figures = {**chunk(None), "choices": [], "usage": {**USAGE, "prompt_tokens_details": {"cached_tokens": 16}}}
    parts = [first, chunk(answer[:half]), chunk(answer[half:], finish="stop", stop_reason=None), figures]
    return b"".join(map(event, parts)) + event("[DONE]")


def llamacpp(answer: str = ANSWER) -> bytes:
    """llama.cpp: null content first, the reason in a piece of its own, comments that keep the connection."""
    first = chunk("")
    first["choices"][0]["delta"] = {"role": "assistant", "content": None}
    figures = {**chunk(None), "choices": [], "usage": USAGE, "timings": {"cache_n": 3, "prompt_n": 28}}
    parts = [first, *(chunk(char) for char in answer), chunk(None, finish="stop"), figures]
    return b": keep-alive\n\n" + b"".join(map(event, parts)) + event("[DONE]")


def ollama(answer: str = ANSWER) -> bytes:
    """Ollama: text and reason together at the end, CRLF here as some gateways send it."""
    parts = [chunk(answer, system_fingerprint="fp_ollama"), chunk("", finish="stop")]
    return (b"".join(map(event, parts)) + event("[DONE]")).replace(b"\n", b"\r\n")
