"""Connections that have proved nothing yet: a bounded number, for a bounded time. Called by listener and channel.

A stranger can fill every place; a paired client must get in all the same. So nobody is turned away at the door: the
newest takes the place of whoever has shown the least, and has done so for the longest.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from server.settings import Settings

_log = logging.getLogger(__name__)

Shown = Literal[0, 1, 2]  # nothing, a request for the socket, a request whose Origin is paired


@dataclass(eq=False, slots=True)
class Visitor:
    """A connection before its proof; `drop` ends it at once."""

    drop: Callable[[], None]
    shown: Shown = 0
    deadline: asyncio.TimerHandle | None = None


class Gate:
    """`paired` tells whether an Origin has a key."""

    def __init__(self, settings: Settings, *, paired: Callable[[str], bool]) -> None:
        self.settings = settings
        self._paired = paired
        self._visitors: dict[Visitor, None] = {}  # the first one came first

    def __len__(self) -> int:
        return len(self._visitors)

    def enter(self, drop: Callable[[], None]) -> Visitor:
        if len(self._visitors) >= self.settings.unproven_max:
            self._drop(min(self._visitors, key=lambda visitor: visitor.shown), why="too_many")
        visitor = Visitor(drop)
        visitor.deadline = asyncio.get_running_loop().call_later(
            self.settings.unproven_s_max, lambda: self._drop(visitor, why="too_slow")
        )
        self._visitors[visitor] = None
        return visitor

    def asked(self, visitor: Visitor, *, origin: str) -> None:
        """The visitor has sent a whole request for the socket."""
        visitor.shown = 2 if self._paired(origin) else 1

    def leave(self, visitor: Visitor) -> None:
        """It has proved the key, or is gone. Can be called again."""
        self._visitors.pop(visitor, None)
        if visitor.deadline is not None:
            visitor.deadline.cancel()
            visitor.deadline = None

    def _drop(self, visitor: Visitor, *, why: str) -> None:
        _log.warning("connection dropped before its proof reason=%s", why)
        self.leave(visitor)
        visitor.drop()
