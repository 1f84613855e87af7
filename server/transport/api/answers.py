"""One chat request -> one answer, whole or as chunks. Called by routes. A request has a session of its own, so a page,
an answer and a limit mean what they mean on the socket.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel

from server.catalog.copilots import Copilots
from server.conversation.pages import Parts
from server.errors import RetinueError
from server.protocol.client import Ask, PageOpen
from server.protocol.run import PassageCard, RunDelta, RunDone, RunError, RunPassages, RunStart
from server.protocol.server import Error, PageReady
from server.transport.api.messages import Conversation
from server.transport.api.wire import ChatRequest, Evidence, PromptDetails, Usage, error_body
from server.transport.client import LocalLink

_PAGE, _RUN = "page", "run"
_KEEPALIVE_S = 15.0
_DONE = format_sse_event(data_str="[DONE]")


class ChatAnswer:
    """`start`, then `whole` or `chunks`, then `close` in every case."""

    def __init__(
        self, request: ChatRequest, said: Conversation, *, copilot: str, parts: Parts, copilots: Copilots
    ) -> None:
        self._request, self._said, self._copilot = request, said, copilot
        self._link = LocalLink(parts, copilots)
        self._id, self._created = f"chatcmpl-{uuid.uuid4().hex}", int(time.time())
        self._mode = ""
        self._page: PageReady | None = None
        self._passages: list[PassageCard] = []

    async def start(self) -> None:
        """Until the page is read and the answer begins. Raises RetinueError: nothing was sent yet."""
        said, request = self._said, self._request
        page = PageOpen(
            type="page.open", page=_PAGE, title=said.title, url=said.url, blocks=said.blocks, private=True
        )  # fmt: skip
        await self._link.send(page)
        ask = Ask(
            type="ask", run=_RUN, page=_PAGE, copilot=self._copilot, question=said.question, history=said.history,
            max_tokens=request.tokens_max, private=True,
        )  # fmt: skip
        await self._link.send(ask)
        while not isinstance(await self._next(), RunPassages):
            pass

    async def whole(self) -> dict[str, Any]:
        """A `chat.completion`. Raises RetinueError."""
        while not isinstance(frame := await self._next(), RunDone):
            pass
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": frame.answer},
            "finish_reason": _finish_reason(frame),
        }
        return {
            **self._head("chat.completion"), "choices": [choice], "usage": _usage(frame).model_dump(),
            "retinue": self._evidence(frame).model_dump(),
        }  # fmt: skip

    async def chunks(self) -> AsyncIterator[bytes]:
        """Server-sent events. An error after the first chunk is an event of its own, then the stream ends."""
        yield self._chunk({"role": "assistant", "content": ""})
        try:
            while not isinstance(frame := await self._next_or_none(), RunDone):
                if frame is None:
                    yield KEEPALIVE_COMMENT
                if isinstance(frame, RunDelta):
                    yield self._chunk({"content": frame.text})
        except RetinueError as error:
            yield _event(error_body(error))
            yield _DONE
            return
        yield self._chunk({}, finish_reason=_finish_reason(frame), retinue=self._evidence(frame).model_dump())
        if self._request.stream_options and self._request.stream_options.include_usage:
            yield _event({**self._head("chat.completion.chunk"), "choices": [], "usage": _usage(frame).model_dump()})
        yield _DONE

    async def close(self) -> None:
        """Cancels what still runs and lets go of the page."""
        await self._link.close()

    async def _next_or_none(self) -> BaseModel | None:
        """None when nothing came for a while: proxies and clients drop a connection that is silent for long."""
        try:
            async with asyncio.timeout(_KEEPALIVE_S):
                return await self._next()
        except TimeoutError:
            return None

    async def _next(self) -> BaseModel:
        frame = await self._link.receive()
        if isinstance(frame, RunError | Error):
            raise RetinueError(frame.message, code=frame.code, retry_after_ms=frame.retry_after_ms)
        if isinstance(frame, PageReady):
            self._page = frame
        if isinstance(frame, RunStart):
            self._mode = frame.mode
        if isinstance(frame, RunPassages):
            self._passages = frame.passages
        return frame

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._copilot}

    def _chunk(self, delta: dict[str, str], *, finish_reason: str | None = None, **added: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _event({**self._head("chat.completion.chunk"), "choices": [choice], **added})

    def _evidence(self, done: RunDone) -> Evidence:
        return Evidence(
            copilot=self._copilot, mode=self._mode, quotes=done.quotes, passages=self._passages, checks=done.checks,
            blocks_read=self._page.blocks_read if self._page else None,
            blocks_total=self._page.blocks_total if self._page else None,
        )  # fmt: skip


def _usage(done: RunDone) -> Usage:
    found = done.usage
    return Usage(
        prompt_tokens=found.prompt_tokens, completion_tokens=found.answer_tokens,
        total_tokens=found.prompt_tokens + found.answer_tokens,
        prompt_tokens_details=PromptDetails(cached_tokens=found.cached_tokens),
    )  # fmt: skip


def _finish_reason(done: RunDone) -> str:
    return "length" if done.reason == "length" else "stop"


def _event(content: dict[str, Any]) -> bytes:
    return format_sse_event(data_str=json.dumps(content, ensure_ascii=False))
