"""/v1/models and /v1/chat/completions: OpenAI's HTTP API over our copilots. Mounted by app; off until a key exists.

Host and Sec-Fetch-Site are checked for every request by app. Page text is never logged.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from fastapi.sse import EventSourceResponse
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from server.catalog.copilots import BASE, Copilots
from server.errors import Busy, CopilotError, LimitExceeded, NotPaired, RetinueError
from server.transport.api.answers import ChatAnswer
from server.transport.api.keys import ApiKey, ApiKeys
from server.transport.api.messages import read_messages
from server.transport.api.wire import ChatRequest, error_body, status_of
from server.transport.connections import Connections
from server.transport.shared import Audit

BODY_S_MAX = 30.0
_BUSY_RETRY_MS = 2_000
T = TypeVar("T")


class Api:
    """`connections` gives the running parts; `keys` says who may ask."""

    def __init__(self, connections: Callable[[], Connections], keys: ApiKeys, *, audit: Audit, started: int) -> None:
        self._connections, self._keys, self._audit, self._started = connections, keys, audit, started
        self._running: Counter[str] = Counter()  # answers under way, by key
        self.router = APIRouter(prefix="/v1")
        self.router.add_api_route("/models", self.models, methods=["GET"])
        self.router.add_api_route("/chat/completions", self.chat, methods=["POST"])
        self.router.add_api_route("/{rest:path}", self.unknown, methods=["GET", "POST", "PUT", "DELETE", "PATCH"])

    async def models(self, request: Request) -> Response:
        return await self._answered(request, self._models(request))

    async def chat(self, request: Request) -> Response:
        return await self._answered(request, self._chat(request))

    async def unknown(self, request: Request) -> Response:
        return _error(RetinueError(f"There is no {request.method} {request.url.path} here.", code="url_unknown"))

    async def _models(self, request: Request) -> Response:
        key = await self._admit(request)
        self._audit.note(key=key.name, what="models")
        copilots = self._connections().copilots
        await asyncio.to_thread(copilots.refresh)
        known = [*copilots.all(), copilots.get(BASE)]
        cards = [
            {"id": copilot.id, "object": "model", "created": self._started, "owned_by": "retinue", "name": copilot.name}
            for copilot in known
            if copilot.usable and key.may_ask(copilot.id)
        ]
        return JSONResponse({"object": "list", "data": cards})

    async def _chat(self, request: Request) -> Response:
        key, connections = await self._admit(request), self._connections()
        settings = connections.parts.settings
        asked = _parse(await _body(request, bytes_max=settings.frame_bytes_max))
        copilot = _copilot(asked.model, connections.copilots, key)
        self._audit.note(key=key.name, what="chat", copilot=copilot)
        said = read_messages(asked, turns_max=settings.history_turns_max)
        if self._running[key.name] >= settings.runs_per_socket_max:
            raise Busy("This key has as many answers under way as it may. Wait for one.", retry_after_ms=_BUSY_RETRY_MS)
        self._running[key.name] += 1
        answer = ChatAnswer(asked, said, copilot=copilot, parts=connections.parts, copilots=connections.copilots)
        streams = False
        try:
            await _while_connected(request, answer.start())
            if not asked.stream:
                return JSONResponse(await _while_connected(request, answer.whole()))
            streams = True
            return _Events(answer, end=lambda: self._end(answer, key))
        finally:
            if not streams:
                await self._end(answer, key)

    async def _answered(self, request: Request, answer: Awaitable[Response]) -> Response:
        """Every refusal in OpenAI's form."""
        try:
            return await answer
        except RetinueError as error:
            what = request.url.path.rpartition("/")[2]
            self._audit.note(key=getattr(request.state, "key", ""), what=what, code=error.code)
            return _error(error, param=error.param if isinstance(error, _Invalid) else None)

    async def _end(self, answer: ChatAnswer, key: ApiKey) -> None:
        self._running[key.name] -= 1
        await asyncio.shield(answer.close())

    async def _admit(self, request: Request) -> ApiKey:
        """Raises NotPaired (`api_off`, `api_key_missing`, `api_key_wrong`), RetinueError (`origin_refused`)."""
        if "origin" in request.headers:
            raise RetinueError("A website may not ask here.", code="origin_refused")
        if not await asyncio.to_thread(self._keys.all):
            raise NotPaired("The API is off. `retinue keys create NAME` makes a key.", code="api_off")
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise NotPaired("Send a key: `Authorization: Bearer …`.", code="api_key_missing")
        key = await asyncio.to_thread(self._keys.find, secret.strip())
        if key is None:
            raise NotPaired("This key is wrong or was revoked.", code="api_key_wrong")
        request.state.key = key.name
        return key


class _Events(EventSourceResponse):
    """The chunks of an answer; `end` comes in every case, also when the client goes away before the first."""

    def __init__(self, answer: ChatAnswer, *, end: Callable[[], Awaitable[None]]) -> None:
        super().__init__(answer.chunks(), headers={"Cache-Control": "no-store"})
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._end()


def _error(error: RetinueError, *, param: str | None = None) -> Response:
    headers = {"Retry-After": str(-(-error.retry_after_ms // 1000))} if error.retry_after_ms else None
    return JSONResponse(error_body(error, param=param), status_code=status_of(error), headers=headers)


class _Invalid(RetinueError):
    """A request that is no request; `param` names the field."""

    def __init__(self, message: str, *, code: str, param: str | None) -> None:
        super().__init__(message, code=code)
        self.param = param


def _parse(body: bytes) -> ChatRequest:
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or None
        if first["type"] == "extra_forbidden":
            raise _Invalid(f"{where} is not supported.", code="parameter_unsupported", param=where) from None
        if first["type"] == "json_invalid":
            raise _Invalid("The request is not JSON.", code="request_invalid", param=None) from None
        raise _Invalid(f"{where or 'request'}: {first['msg']}.", code="parameter_invalid", param=where) from None


async def _body(request: Request, *, bytes_max: int) -> bytes:
    """Raises LimitExceeded (`request_too_large`, `request_too_slow`)."""
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            async for part in request.stream():
                found += part
                if len(found) > bytes_max:
                    raise LimitExceeded(f"A request has at most {bytes_max:,} bytes.", code="request_too_large")
    except TimeoutError:
        raise LimitExceeded("The request did not arrive in time.", code="request_too_slow") from None
    return bytes(found)


def _copilot(wanted: str, copilots: Copilots, key: ApiKey) -> str:
    """The whole id. Raises CopilotError (`copilot_unknown`, `copilot_ambiguous`, `copilot_forbidden`)."""
    found = copilots.get(wanted).id
    if not key.may_ask(found):
        raise CopilotError(f"This key may not ask {found}.", code="copilot_forbidden")
    return found


async def _while_connected(request: Request, work: Awaitable[T]) -> T:
    """The result, unless the client goes away first: then the work is cancelled, and so is this request."""
    task, gone = asyncio.ensure_future(work), asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise RetinueError("The client went away.", code="request_cancelled")
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
