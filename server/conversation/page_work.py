"""Where the slow work on opened pages is done: off the loop, and apart from the threads that questions need.

Called by pages. A client has one page at a time laid out and one encoded, so that sixty opened pages of one wait behind
each other and not before everyone else's. Knows no pages.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakValueDictionary

Result = TypeVar("Result")


class PageWork:
    """One kind of work, in `threads` threads."""

    def __init__(self, name: str, *, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def do(self, client: str, work: Callable[[], Result]) -> Result:
        """Cancelled while it waits for its turn, the work is never begun; what is begun goes on to its end."""
        turn = self._turns.get(client)
        if turn is None:
            turn = self._turns[client] = asyncio.Lock()
        async with turn:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
