"""An accepted socket as the channel needs it, what comes over it as frames, and its narrow limits before the proof.

Called by channel; app and tests implement `Wire`. Knows no session.
"""

import asyncio
import contextlib
from typing import Protocol

from pydantic import ValidationError

from server.errors import BadFrame, OutOfOrder, RetinueError
from server.protocol import VERSION, Frame
from server.protocol.client import CLIENT_FRAME, ClientFrame
from server.protocol.server import Error
from server.settings import Settings


class Wire(Protocol):
    """A socket that was accepted. `receive` gives None once the client is gone; `abort` drops the connection."""

    async def receive(self) -> str | bytes | None: ...

    async def send(self, text: str) -> None: ...

    async def close(self, code: int) -> None: ...

    def abort(self) -> None: ...

    def proven(self) -> None:
        """The client has proved the key: the narrow limits of the connection end."""


class Gone(Exception):
    """The client closed or lost the socket."""


class Unproven:
    """The wire while nobody has proved anything: little time, short frames."""

    def __init__(self, wire: Wire, settings: Settings) -> None:
        self._wire, self._settings = wire, settings

    async def receive(self) -> ClientFrame:
        try:
            async with asyncio.timeout(self._settings.hello_s_max):
                raw = await self._wire.receive()
        except TimeoutError:
            raise OutOfOrder("The handshake took too long.", code="hello_timeout") from None
        if raw is not None and len(raw) > self._settings.hello_bytes_max:
            raise OutOfOrder("That is too long for a handshake.", code="hello_too_long")
        return parse(raw)

    async def send(self, frame: Frame) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.hello_s_max):
                await self._wire.send(frame.model_dump_json())


def parse(raw: str | bytes | None) -> ClientFrame:
    if raw is None:
        raise Gone
    if not isinstance(raw, str):
        raise BadFrame("Frames are JSON text.")
    try:
        return CLIENT_FRAME.validate_json(raw)
    except (ValidationError, ValueError) as error:
        reason = error.errors(include_input=False)[0]["type"] if isinstance(error, ValidationError) else "text"
        raise BadFrame(f"That is no frame of protocol version {VERSION} ({reason}).") from None


def error_frame(error: RetinueError) -> Error:
    return Error(code=error.code, message=error.message, retry_after_ms=error.retry_after_ms)
