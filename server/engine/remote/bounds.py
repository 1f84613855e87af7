"""How much a server elsewhere may send, held at the bytes: before anything is decoded, parsed or collected.

Called by client, which puts it under every response.
"""

from collections.abc import AsyncIterator

import httpx


class TooMuch(Exception):
    """A line, or all of it, is longer than it may be."""


class BoundedStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, *, line_bytes_max: int, bytes_max: int) -> None:
        self._stream, self._line_max, self._max = stream, line_bytes_max, bytes_max

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises TooMuch."""
        total = line = 0
        async for chunk in self._stream:
            total += len(chunk)
            line = self._longest(chunk, line)
            if total > self._max:
                raise TooMuch
            yield chunk

    def _longest(self, chunk: bytes, begun: int) -> int:
        """The bytes of the line that the chunk leaves open, `begun` before it. Raises TooMuch at a longer line."""
        pieces = chunk.replace(b"\r", b"\n").split(b"\n")
        if max(begun + len(pieces[0]), *map(len, pieces)) > self._line_max:
            raise TooMuch
        return len(pieces[-1]) + (begun if len(pieces) == 1 else 0)

    async def aclose(self) -> None:
        await self._stream.aclose()
