"""`retinue serve`: the listening socket, uvicorn around the app, and what the terminal says. Called by cli.

Imports torch only through the engine, and only after the address is printed.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from rich.console import Console
from rich.panel import Panel
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from server.app import build_app, known_extension
from server.catalog import bases
from server.catalog.acquire import install
from server.compose import adapter_check, make_encoder, make_engine
from server.errors import RetinueError
from server.settings import Settings

_SEND_BUFFER_BYTES = 256 * 1024
_STOP_S = 5
_STOP_S_MAX = 30  # in all, threads that do not end included
_EXTENSION = Path(__file__).parents[2] / "extension"
_BUILD = _EXTENSION / ".output" / "chrome-mv3"


def serve(settings: Settings, console: Console) -> None:
    """Blocks until SIGINT or SIGTERM. Raises RetinueError (`port_in_use`, `host_refused`, `base_…`)."""
    folder = install.ensure(settings, say=lambda line: console.print(line, markup=False, soft_wrap=True))
    listener = listen(settings)
    port = listener.getsockname()[1]
    console.print(Panel(f"Retinue listens on [bold]ws://{settings.host}:{port}/ws[/]\nBase model: {settings.base}"))
    console.print(_extension_hint())
    app = build_app(
        settings,
        make_engine(settings, folder),
        load_base=lambda: bases.load_text(folder),
        load_encoder=lambda: make_encoder(settings),
        port=port,
        check_adapter=adapter_check(),
        announce=lambda code: console.print(f"Pairing code: [bold cyan]{code}[/] (valid {settings.pairing_s:.0f} s)"),
        paired=lambda origin: console.print(_paired_note(origin)),
    )
    server = Server(config_for(app), app=app, ready=lambda: _say_ready(app, console))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises the signal again when all is closed
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.serve(sockets=[listener]))
    if server.failure is not None:
        raise server.failure


def listen(settings: Settings) -> socket.socket:
    """Our own socket: a client that stops reading is dropped by the kernel, and its send buffer stays small."""
    if settings.host not in ("127.0.0.1", "localhost", "::1"):
        raise RetinueError(
            f"Retinue only listens on this machine (127.0.0.1), not on {settings.host}.", code="host_refused"
        )
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named: asyncio then sets TCP_NODELAY
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)
    if user_timeout is not None:
        listener.setsockopt(socket.IPPROTO_TCP, user_timeout, int(settings.send_s_max * 1000))
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(settings.sockets_max)
    except OSError as error:
        listener.close()
        raise RetinueError(
            f"Port {settings.port} is in use: is Retinue running already? Set RETINUE_PORT to another one.",
            code="port_in_use",
        ) from error
    return listener


def config_for(app: FastAPI) -> uvicorn.Config:
    settings: Settings = app.state.settings
    return uvicorn.Config(
        app,
        ws=AbortableProtocol,
        ws_max_size=settings.frame_bytes_max,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=_STOP_S,
    )


class AbortableProtocol(WebSocketsSansIOProtocol):
    """Lets the channel drop a connection whose client stopped reading, on every operating system."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["state"]["abort"] = self.transport.abort


class Server(uvicorn.Server):
    """Says goodbye to the clients before the sockets are closed, keeps a failed start's reason, and ends in time."""

    def __init__(self, config: uvicorn.Config, *, app: FastAPI, ready: Any = lambda: None) -> None:
        super().__init__(config)
        self._app = app
        self._ready = ready

    @property
    def failure(self) -> RetinueError | None:
        failure: RetinueError | None = getattr(self._app.state, "failure", None)
        return failure

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.failure is not None:
            self.should_exit = True
        elif not self.should_exit:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn asks for a signal only once the app has started. Until then nothing waits to be ended well, and a
        load cannot be broken off, so the signal ends the process at once; later it has `_STOP_S_MAX`.
        """
        if not self.started:
            sys.stdout.flush()
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        if not self.should_exit:
            last_resort = threading.Timer(_STOP_S_MAX, os._exit, (1,))
            last_resort.daemon = True
            last_resort.start()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        connections = getattr(self._app.state, "connections", None)
        if connections is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_S):
                    await connections.shut_down()
        await super().shutdown(sockets)


def extension_build() -> Path | None:
    return _BUILD if (_BUILD / "manifest.json").is_file() else None


def _extension_hint() -> str:
    build = extension_build()
    if build:
        return f"Extension: open chrome://extensions, switch on Developer mode, Load unpacked: [bold]{build}[/]"
    if _EXTENSION.is_dir():
        return "Extension: not built yet. Run [bold]npm ci && npm run build[/] in the folder extension/."
    return "Extension: download it from the project's releases and load it unpacked."


def _paired_note(origin: str) -> str:
    warning = "" if known_extension(origin) else " [yellow](not Retinue's own extension)[/]"
    return f"Paired with {origin}{warning}. `retinue pair revoke {origin}` undoes it."


def _say_ready(app: FastAPI, console: Console) -> None:
    app.state.code.issue()
    gc.freeze()  # what start-up made stays for good: looking through it again would halt an answer for 0.2 s
    console.print(f"Ready. Try: [bold]{_example()}[/]", soft_wrap=True)


def _example() -> str:
    """A command that works when it is pasted: this very program, and a page of the clone when there is one."""
    program = Path(sys.argv[0]).absolute()
    here = program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program.name
    page = "tests/e2e/pages/contract.html" if Path("tests/e2e/pages/contract.html").is_file() else "contract.html"
    return f'{here} ask contract-review --page {page} "Which law applies?"'
