"""One engine takes another's place while the server runs. Called by the engine's desk; made by connections.

The next one is loaded beside the former, which goes on answering: when that fails, nothing has changed. Then answers
under way may end, everybody is handed the new parts, and the former engine stops. Knows no frames and no files.
"""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from server.catalog.copilots import CheckAdapter
from server.conversation.engines.making import Assemble, Assembled
from server.conversation.pages import Parts
from server.engine import BaseInfo
from server.errors import BaseError, RetinueError
from server.settings import Settings

_log = logging.getLogger(__name__)
_LOOK_S = 0.05


Adopt = Callable[[Parts, CheckAdapter | None], Awaitable[None]]


class Switch:
    """`parts` gives what answers now, `running` the answers under way, `end` ends those that take too long, `adopt`
    hands everybody what answers next."""

    def __init__(
        self, assemble: Assemble, *, parts: Callable[[], Parts], running: Callable[[], list[asyncio.Task[None]]],
        end: Callable[[], None], adopt: Adopt,
    ) -> None:  # fmt: skip
        self._assemble, self._parts, self._running, self._end, self._adopt = assemble, parts, running, end, adopt

    async def to(
        self, settings: Settings, *, key: str, loaded: Callable[[BaseInfo], Awaitable[None]], ending: Callable[[], None]
    ) -> None:
        """`loaded` may still refuse; `ending` hears that the former engine takes nothing new any more.

        Raises RetinueError: then the former one goes on.
        """
        former = self._parts()
        assembled = await asyncio.to_thread(self._assemble, settings, key)
        parts = await _started(assembled, former)
        try:
            await loaded(parts.engine.info)
            former.leaving.set()
            ending()
            await self._let_end(former)
            await self._adopt(parts, assembled.check_adapter)
        except BaseException:
            former.leaving.clear()
            await parts.engine.stop()
            raise
        await former.engine.stop()
        del former, parts, assembled
        await asyncio.to_thread(_free)

    async def _let_end(self, former: Parts) -> None:
        """Answers of the API among them: the engine counts those."""
        try:
            async with asyncio.timeout(former.settings.engine_switch_s):
                while self._running() or former.engine.stats().get("rows_running", 0):  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            self._end()


async def _started(assembled: Assembled, former: Parts) -> Parts:
    """Loaded beside the former. Raises RetinueError."""
    settings, engine = assembled.settings, assembled.engine
    held = former.encoder if settings.engine == "local" else None
    try:
        base, encoder, _ = await asyncio.gather(
            asyncio.to_thread(assembled.load_base), asyncio.to_thread(lambda: held or assembled.load_encoder()),
            engine.start(),
        )  # fmt: skip
    except RetinueError:
        await engine.stop()
        raise
    except Exception as error:  # whatever a damaged file brings about; the text may name a path
        await engine.stop()
        _log.error("loading failed error=%s", type(error).__name__)
        raise BaseError("This model cannot be loaded here. The one before goes on.", code="base_failed") from error
    return replace(
        former, settings=settings, engine=engine, base=base, encoder=encoder, leaving=asyncio.Event()
    )  # fmt: skip


def _free() -> None:
    """What start-up froze (see serve) holds the former base in circles that nobody would look through again."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
