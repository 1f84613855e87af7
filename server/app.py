"""build_app(settings, engine, …): the only place where the parts meet.

Routes: /ws, /healthz, /sample and, with a key, /v1.

Called by serve and by tests. No CORS, no docs, no static files; Host and Sec-Fetch-Site are checked for every request.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from server.catalog.bases import BaseText
from server.catalog.copilots import CheckAdapter, Copilots
from server.conversation.engines.making import Assembled, Making
from server.conversation.pages import Parts
from server.conversation.threads.keeper import Keeper
from server.engine import Engine
from server.errors import RetinueError
from server.sample import SAMPLE_HEADERS, SAMPLE_PAGE
from server.settings import Settings
from server.text.finder import Encoder
from server.transport.api.keys import ApiKeys
from server.transport.api.routes import Api
from server.transport.channel import Channel
from server.transport.connections import Connections, HandshakeContext
from server.transport.examination import Look, nothing
from server.transport.gate import Gate
from server.transport.keyfile import KeyFile, Pairing
from server.transport.pairing import EXTENSION_ORIGINS, PairingCode, host_allowed, origin_allowed
from server.transport.shared import PATHS, Audit, is_for_others, names_us
from server.transport.wire import Gone

_REASON_CHARS_MAX = 300


def _nobody(_: object) -> None:
    """Nobody listens."""


def _no_encoder() -> Encoder | None:
    """The finder goes by words alone."""
    return None


def build_app(
    settings: Settings,
    engine: Engine,
    *,
    load_base: Callable[[], BaseText],
    port: int,
    load_encoder: Callable[[], Encoder | None] = _no_encoder,
    check_adapter: CheckAdapter | None = None,
    announce: Callable[[str], None] = _nobody,
    paired: Callable[[Pairing], None] = _nobody,
    look: Look = nothing,
    making: Making | None = None,
) -> FastAPI:
    """`load_base` and `load_encoder` are slow and run in threads; `announce` shows a pairing code; `paired` hears each
    new browser; `look` says what is in order on this machine; `making` another engine while this one runs.

    `app.state.connections` is there once the app has started, `app.state.code` at once.
    """
    code = PairingCode.for_settings(settings, announce=announce)
    audit = Audit(settings)
    handshake = HandshakeContext(KeyFile(settings.config_dir), code, port, paired)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Gate]]:
        try:
            connections = app.state.connections = await _open_connections(
                Assembled(settings, engine, load_base, load_encoder, check_adapter), handshake, look, making
            )
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # uvicorn would print a traceback; `serve` stops and says why in a sentence
            app.state.failure = _as_failure(error)
            yield {}
            return
        watch = asyncio.create_task(connections.watch_keys())
        try:
            yield {"gate": Gate(settings, paired=handshake.keys.paired)}
        finally:
            watch.cancel()
            await connections.shut_down()
            if connections.keeper is not None:
                await connections.keeper.close()
            await connections.parts.engine.stop()
            audit.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.code = code
    app.state.settings = settings
    app.add_middleware(HostGuard, port=port, settings=settings)

    app.add_api_route("/healthz", _healthz, response_class=PlainTextResponse)
    app.add_api_route("/sample", _sample, response_class=HTMLResponse)
    app.add_api_websocket_route("/ws", _socket)
    api = Api(lambda: app.state.connections, ApiKeys(settings.config_dir), audit=audit, started=int(time.time()))
    app.include_router(api.router)
    return app


def _as_failure(error: BaseException) -> RetinueError:
    if isinstance(error, RetinueError):
        return error
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:_REASON_CHARS_MAX]
    return RetinueError(
        f"The server cannot start ({reason}). `retinue doctor` looks for the reason.", code="start_failed"
    )


async def _healthz() -> str:
    return "ok"


async def _sample() -> HTMLResponse:
    return HTMLResponse(SAMPLE_PAGE, headers=SAMPLE_HEADERS)


async def _socket(websocket: WebSocket) -> None:
    origins = websocket.headers.getlist("origin")
    if len(origins) != 1 or not origin_allowed(origins[0]):
        await websocket.close()  # before accept: the client gets HTTP 403
        return
    await websocket.accept()
    await Channel(SocketWire(websocket), websocket.app.state.connections, origin=origins[0]).run()


async def _open_connections(
    first: Assembled, handshake: HandshakeContext, look: Look, making: Making | None
) -> Connections:
    """Load weights, tokenizer and the finder's encoder side by side, then read the copilots for that base."""
    settings, engine = first.settings, first.engine
    handshake.keys.ensure_cli_key()
    base, encoder, _ = await asyncio.gather(
        asyncio.to_thread(first.load_base), asyncio.to_thread(first.load_encoder), engine.start()
    )
    copilots = Copilots(
        adapters_dir=settings.adapters_dir,
        user_dir=settings.user_dir,
        base=engine.info,
        check_adapter=first.check_adapter,
        adapter_bytes_max=settings.adapter_bytes_max,
        plain=engine.capabilities.adapters == "plain",
    )
    await asyncio.to_thread(copilots.refresh)
    keeper = Keeper(settings)
    keeper.start()
    connections = Connections(
        Parts(settings, engine, base, encoder, keeper), copilots, handshake,
        keeper=keeper, look=look, making=making,
    )  # fmt: skip
    await asyncio.to_thread(connections.own_desk.purge)
    return connections


def known_extension(origin: str) -> bool:
    """True for Retinue's own extension. Firefox gives each installation an id of its own."""
    return origin in EXTENSION_ORIGINS or origin.startswith("moz-extension://")


class HostGuard:
    """Refuses foreign Host headers (DNS rebinding) for http and sockets, and http requests that a website started. What
    may come from another machine gets the HTTP API and nothing else.
    """

    def __init__(self, app: ASGIApp, *, port: int, settings: Settings) -> None:
        self._app, self._port, self._settings = app, port, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        status = 0
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            status = 400
        elif is_for_others(hosts[0], self._settings) and (
            scope["type"] == "websocket" or not scope["path"].startswith(PATHS)
        ):
            status = 404
        elif scope["type"] == "http" and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            status = 403
        if not status:
            return await self._app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})  # before accept: HTTP 403
        return await PlainTextResponse("refused", status_code=status)(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        if is_for_others(host, self._settings):
            return names_us(host, self._settings)
        return host_allowed(host, port=self._port)


class SocketWire:
    """A starlette socket as a channel's Wire. Never `receive_json`: it dies on frames that are not text."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> str | bytes | None:
        try:
            message = await self._websocket.receive()
        except (WebSocketDisconnect, RuntimeError):
            return None
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        return text if text is not None else message.get("bytes") or b""

    async def send(self, text: str) -> None:
        await self._send(self._websocket.send_text, text)

    async def close(self, code: int) -> None:
        await self._send(self._websocket.close, code)

    def abort(self) -> None:
        self._of_listener("abort")

    def proven(self) -> None:
        self._of_listener("proven")

    def _of_listener(self, name: str) -> None:
        """Behind `transport.listener` both are in the scope; another server has its own limits."""
        call = self._websocket.scope.get("state", {}).get(name)
        if call is not None:
            call()

    async def _send(self, call: Callable[[Any], Any], argument: Any) -> None:
        try:
            await call(argument)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            raise Gone from error
