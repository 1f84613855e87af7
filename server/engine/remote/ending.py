"""How an answer from elsewhere ends: in time, within its room, with a reason. Called by the engines of this folder."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Literal

from server.engine import Finished, Tokens
from server.engine.remote import faults
from server.engine.remote.wire import Chunk, Usage
from server.errors import EngineError, RunError

_LENGTH = ("length", "max_tokens")
_BROKEN = ("abort", "error", "cancelled")


class Ending:
    """`room`: so many ids an answer may have. `count` of them came."""

    def __init__(self, who: str, *, room: int) -> None:
        self.count = 0
        self._who, self._room = who, room
        self._reason = ""
        self._usage = Usage()

    @property
    def is_full(self) -> bool:
        return self.count >= self._room

    def note(self, chunk: Chunk) -> None:
        """Reason and figures, wherever a server puts them."""
        self._usage = chunk.usage or self._usage
        for choice in chunk.choices[:1]:
            self._reason = choice.finish_reason or self._reason

    def fitting(self, ids: Sequence[int]) -> tuple[int, ...]:
        """As many of the ids as there is room for."""
        kept = tuple(ids[: self._room - self.count])
        self.count += len(kept)
        return kept

    def finished(self, *, prompt_tokens: int, answer_tokens: int) -> Finished:
        """With the server's own figures where it gave some. Raises EngineError (`engine_cut`, `engine_withheld`,
        `engine_empty`).
        """
        if self._reason in _BROKEN:
            raise faults.cut(self._who)
        if self._reason == "content_filter":
            raise EngineError(f"{self._who} withheld the answer. Ask in other words.", code="engine_withheld")
        if self.count == 0:
            raise EngineError(
                f"{self._who} gave no word of an answer. A model that thinks first needs more room: set "
                "RETINUE_ANSWER_TOKENS_DEFAULT higher.",
                code="engine_empty",
            )
        usage = self._usage
        reason: Literal["stop", "length"] = "length" if self._reason in _LENGTH or self.is_full else "stop"
        return Finished(
            reason,
            prompt_tokens=prompt_tokens if usage.prompt_tokens is None else usage.prompt_tokens,
            cached_tokens=usage.cached_tokens or 0,
            answer_tokens=answer_tokens if usage.completion_tokens is None else usage.completion_tokens,
        )


async def within(seconds: float, events: AsyncGenerator[Tokens | Finished]) -> AsyncIterator[Tokens | Finished]:
    """Each event up to `Finished`. Raises RunError (`run_timeout`) when they take longer in all."""
    ends = asyncio.get_running_loop().time() + seconds
    async with contextlib.aclosing(events):
        while True:
            try:
                async with asyncio.timeout_at(ends):
                    event = await anext(events)
            except TimeoutError:
                message = "The answer took too long. Ask again, or ask for something shorter."
                raise RunError(message, code="run_timeout") from None
            yield event
            if isinstance(event, Finished):
                return
