"""`retinue serve`: the listening socket, uvicorn around the app, and what the terminal says. Called by cli.

Imports torch only through the engine, and only after the address is printed.
"""

import asyncio
import contextlib
import faulthandler
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from rich.console import Console
from rich.panel import Panel
from rich.text import Text
from uvicorn.server import HANDLED_SIGNALS

from server.app import build_app, known_extension
from server.compose import assemble, capabilities, making, prepare_base
from server.errors import RetinueError
from server.settings import Settings
from server.terminal import plain
from server.transport.examination import Look, nothing
from server.transport.keyfile import Pairing
from server.transport.listener import ACCEPTED_AT_ONCE, HttpProtocol, SocketProtocol, listen

_STOP_S = 5
_STOP_S_MAX = 30.0  # in all, threads that do not end included
_EXTENSION = Path(__file__).parents[2] / "extension"
_BUILD = _EXTENSION / ".output" / "chrome-mv3"


def serve(settings: Settings, console: Console, *, look: Look = nothing) -> None:
    """Blocks until SIGINT or SIGTERM. Raises RetinueError (`port_in_use`, `host_refused`, `base_…`), also while other
    threads still load: who calls this ends the process then. `look` says what is in order on this machine.
    """
    can = capabilities(settings)
    prepare_base(settings, say=lambda line: console.print(line, markup=False, soft_wrap=True))
    listener = listen(settings)
    port = listener.getsockname()[1]
    address = (_address(settings, port), "bold")
    console.print(Panel(Text.assemble("Retinue listens on ", address, f"\n{plain(_what_answers(settings))}")))
    if can.host:
        console.print(_leaves_the_machine(can.host))
    console.print(_extension_hint())
    chosen = assemble(settings)
    app = build_app(
        settings,
        chosen.engine,
        load_base=chosen.load_base,
        load_encoder=chosen.load_encoder,
        port=port,
        check_adapter=chosen.check_adapter,
        making=making(),
        announce=lambda code: console.print(
            Text.assemble("Pairing code: ", (code, "bold cyan"), f" (valid {settings.pairing_s:.0f} s)")
        ),
        paired=lambda pairing: console.print(_paired_note(pairing)),
        look=look,
    )
    server = Server(config_for(app), app=app, ready=lambda: _say_ready(app, console))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises the signal again when all is closed
    runner = asyncio.Runner()
    with contextlib.suppress(KeyboardInterrupt):
        runner.run(server.serve(sockets=[listener]))
    if server.failure is not None:
        raise server.failure  # with the loop left open: to close it would wait for what still loads in a thread
    runner.close()


def config_for(app: FastAPI) -> uvicorn.Config:
    settings: Settings = app.state.settings
    return uvicorn.Config(
        app,
        http=HttpProtocol,
        ws=SocketProtocol,
        backlog=ACCEPTED_AT_ONCE,
        ws_max_size=settings.frame_bytes_max,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=_STOP_S,
    )


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
        """A signal ends the process at once until the app has started: nothing waits to be ended well yet, and a load
        cannot be broken off. The system does it: Python's handlers wait for a library that holds the interpreter.
        """
        with _signals_end_at_once():
            await super().startup(sockets)
        if self.failure is not None:
            self.should_exit = True
        elif not self.should_exit:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """From here on the process has `_STOP_S_MAX`. The clock that ends it needs no turn of the interpreter."""
        if not self.should_exit:
            faulthandler.dump_traceback_later(_STOP_S_MAX, exit=True, file=open(os.devnull, "w"))  # noqa: SIM115
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        connections = getattr(self._app.state, "connections", None)
        if connections is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_S):
                    await connections.shut_down()
        await super().shutdown(sockets)


@contextlib.contextmanager
def _signals_end_at_once() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    sys.stdout.flush()
    before = {sig: signal.signal(sig, signal.SIG_DFL) for sig in HANDLED_SIGNALS}
    try:
        yield
    finally:
        for sig, handler in before.items():
            signal.signal(sig, handler)


def _address(settings: Settings, port: int) -> str:
    """For the extension, or for the programs of others where those may ask."""
    if settings.tls_cert is not None:
        return f"https://{settings.public_name or settings.host}:{port}/v1"
    return f"ws://{settings.host}:{port}/ws"


def _what_answers(settings: Settings) -> str:
    if settings.engine == "local":
        return f"Base model: {settings.base}"
    return f"Model: {settings.engine_model or 'the only one'} at {settings.engine_url}"


def _leaves_the_machine(host: str) -> Text:
    warning = f"The text of every page that you ask about is sent to {plain(host)}, with your questions."
    return Text(f"{warning} Quotations are checked when they come back.", style="yellow")


def extension_build() -> Path | None:
    return _BUILD if (_BUILD / "manifest.json").is_file() else None


def _extension_hint() -> Text:
    build = extension_build()
    if build:
        where = "Extension: open chrome://extensions, switch on Developer mode, Load unpacked: "
        return Text.assemble(where, (str(build), "bold"))
    if _EXTENSION.is_dir():
        command = ("npm ci && npm run build", "bold")
        return Text.assemble("Extension: not built yet. Run ", command, " in the folder extension/.")
    return Text("Extension: download it from the project's releases and load it unpacked.")


def _paired_note(pairing: Pairing) -> Text:
    warning = "" if known_extension(pairing.origin) else " (not Retinue's own extension)"
    who, undo = plain(pairing.name or pairing.origin), f". `retinue pair revoke {pairing.id}` undoes it."
    return Text.assemble("Paired with ", who, (warning, "yellow"), undo)


def _say_ready(app: FastAPI, console: Console) -> None:
    app.state.code.issue()
    gc.freeze()  # what start-up made stays for good: looking through it again would halt an answer for 0.2 s
    console.print(Text.assemble("Ready. Try: ", (_example(), "bold")), soft_wrap=True)


def _example() -> str:
    """A command that works when it is pasted: this very program, and a page of the clone when there is one."""
    program = Path(sys.argv[0]).absolute()
    here = program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program.name
    if program.name == "__main__.py":  # `python -m server`, as the system starts it
        here = "retinue"
    page = "tests/e2e/pages/contract.html" if Path("tests/e2e/pages/contract.html").is_file() else "contract.html"
    return f'{here} ask generalist --page {page} "Which law applies?"'
