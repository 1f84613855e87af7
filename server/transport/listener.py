"""The listening socket, and uvicorn's protocols with our limits: everything that comes before frames and beside them.

Called by serve and by tests. uvicorn has no limit of its own for the time of a request, for connections that send none,
for pings, fragments or what an answer to a ping leaves in the write buffer.
"""

import asyncio
import logging
import socket
import time
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from server.errors import RetinueError
from server.settings import Settings
from server.transport.gate import Gate, Visitor
from server.transport.shared import check_may_listen

_log = logging.getLogger(__name__)
_SEND_BUFFER_BYTES = 256 * 1024
ACCEPTED_AT_ONCE = 64  # connections between two looks at those that are there
_PARSED_BYTES = 4096  # between two looks at the limits
_POLICY, _TOO_BIG = 1008, 1009
_FRAMES_BEFORE_PROOF_BYTES = 64 * 1024


def listen(settings: Settings) -> socket.socket:
    """Our own socket: a client that stops reading is dropped by the kernel, and its send buffer stays small.

    Raises RetinueError (`host_refused`, `tls_unreadable`, `keys_missing`, `port_in_use`, `files_limit`).
    """
    check_may_listen(settings)
    reserve_files(settings)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named: asyncio then sets TCP_NODELAY
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)
    if user_timeout is not None:
        listener.setsockopt(socket.IPPROTO_TCP, user_timeout, int(settings.send_s_max * 1000))
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(ACCEPTED_AT_ONCE)
    except OSError as error:
        listener.close()
        raise RetinueError(
            f"Port {settings.port} is in use: is Retinue running already? Set RETINUE_PORT to another one.",
            code="port_in_use",
        ) from error
    return listener


def reserve_files(settings: Settings) -> None:
    """Let this process open every socket that the settings allow, and its files beside them.

    Raises RetinueError (`files_limit`).
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    needed = settings.sockets_max + settings.unproven_max + ACCEPTED_AT_ONCE + settings.files_reserved
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise RetinueError(
            f"A program may open {hard} files here, and Retinue needs {needed}. Raise that limit (`ulimit -n`), "
            "or lower RETINUE_SOCKETS_MAX.",
            code="files_limit",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class HttpProtocol(H11Protocol):
    """Each connection begins here: it is counted, and has little time until it is a proven socket."""

    visitor: Visitor

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        gate: Gate = self.app_state["gate"]
        self.visitor = gate.enter(transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self.app_state["gate"].leave(self.visitor)
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        self.app_state = {**self.app_state, "visitor": self.visitor}
        super().handle_websocket_upgrade(event)


class SocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket whose frames, fragments, pings and unread answers are counted.

    The channel finds `abort` and `proven` in the scope's state.
    """

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._gate: Gate = app_state["gate"]
        self._visitor: Visitor = app_state["visitor"]
        self._settings = self._gate.settings
        self._fragments = 0
        self._allowance, self._counted_at = float(self._settings.frames_burst_max), time.monotonic()
        self.conn.max_message_size = min(self._settings.frame_bytes_max, _FRAMES_BEFORE_PROOF_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gate.leave(self._visitor)
        super().connection_lost(exc)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["state"].update(abort=self.transport.abort, proven=self._proven)
            self._gate.asked(self._visitor, origin=event.headers.get("Origin", ""))

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PARSED_BYTES):
            super().data_received(data[start : start + _PARSED_BYTES])
            if self.transport.get_write_buffer_size() > self._settings.write_bytes_max:
                _log.warning("socket dropped reason=answers_unread")
                self.transport.abort()
            if self.transport.is_closing():
                return

    def handle_events(self) -> None:
        now = time.monotonic()
        earned = (now - self._counted_at) * self._settings.frames_per_s_max
        came = sum(isinstance(event, Frame) for event in self.conn.events)
        self._allowance = min(self._allowance + earned, self._settings.frames_burst_max) - came
        self._counted_at = now
        if self._allowance < 0:
            return self._fail(_POLICY, "frame_rate")
        super().handle_events()

    def handle_text(self, event: Frame) -> None:
        self._fragments = 1
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        self._fragments = 1
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        self._fragments += 1
        if self._fragments > self._settings.fragments_max:
            return self._fail(_TOO_BIG, "fragments")
        super().handle_cont(event)

    def _proven(self) -> None:
        self._gate.leave(self._visitor)
        self.conn.max_message_size = self._settings.frame_bytes_max

    def _fail(self, code: int, reason: str) -> None:
        if self.transport.is_closing():
            return
        _log.warning("socket dropped reason=%s", reason)
        self.frames = []
        self.conn.fail(code, reason)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()
