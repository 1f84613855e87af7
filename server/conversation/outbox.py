"""What waits to be written to one socket. Filled by session and channel, emptied by the channel's writer.

Producers that can wait look at `full` first (answers then collect their text, see run.py); nothing is thrown away.
"""

import asyncio
from collections import deque

from server.protocol import Frame


class Outbox:
    def __init__(self, *, events_max: int) -> None:
        self._events_max = events_max
        self._frames: deque[Frame] = deque()
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def full(self) -> bool:
        return len(self._frames) >= self._events_max

    def put(self, frame: Frame) -> None:
        """Never waits. Only the ends of answers and a resumed client's missed events may go past the limit."""
        self._frames.append(frame)
        self._filled.set()
        self._empty.clear()
        if self.full:
            self._drained.clear()

    async def get(self) -> Frame:
        while not self._frames:
            self._filled.clear()
            self._empty.set()
            await self._filled.wait()
        frame = self._frames.popleft()
        if not self.full:
            self._drained.set()
        return frame

    async def sent(self) -> None:
        """Wait until the writer took everything and came back for more."""
        await self._empty.wait()

    async def room(self) -> None:
        """Wait until there is a free place."""
        await self._drained.wait()
