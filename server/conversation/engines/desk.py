"""Answers the frames of engines and bases. Called by channel, which never waits for it.

Knows frames, the switch, the one download and the choice that is kept. What comes from inside a web page is refused:
the page could have placed the click. One switch at a time; it goes on when the panel that asked has closed.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from server.catalog import bases
from server.catalog.acquire.pulls import Pulls
from server.choice import Choice, keep_choice
from server.conversation.desk_requests import Requests
from server.conversation.engines.making import Connection, Elsewhere
from server.conversation.engines.standing import check_memory, model_elsewhere, standing
from server.conversation.engines.switch import Switch
from server.conversation.pages import Parts
from server.engine import BaseInfo
from server.errors import Busy, EngineError, RetinueError
from server.files import refusal_of
from server.protocol import Frame
from server.protocol.engines import (
    BaseCancel,
    BaseOffer,
    BaseOffered,
    BasePull,
    EngineConnect,
    EngineDone,
    EngineRequest,
    EngineShow,
    EngineState,
    EngineTest,
    EngineTested,
    EngineTrouble,
    EngineUse,
    Switching,
)
from server.settings import Settings

_log = logging.getLogger(__name__)
_REQUESTS_MAX = 16
_FAILED = EngineError("This failed inside the server. Try again.", code="engine_failed")


class EngineDesk:
    """`tell` sends a frame to every client; `training` names the copilot whose adapter is being made; `port` is ours.
    Without a `switch` and `elsewhere` nothing can be changed.
    """

    def __init__(
        self, parts: Callable[[], Parts], switch: Switch | None, elsewhere: Elsewhere | None, *,
        tell: Callable[[Frame], None], training: Callable[[], str | None], port: int,
    ) -> None:  # fmt: skip
        self._parts, self._switch, self._elsewhere = parts, switch, elsewhere
        self._tell, self._training, self._port = tell, training, port
        self._pulls = Pulls(parts().settings, tell=tell, changed=self._news)
        self._switching: Switching | None = None
        self._trouble: EngineTrouble | None = None
        self._requests = Requests("engine desk", each_max=_REQUESTS_MAX, failed=_FAILED)

    def receive(self, frame: EngineRequest, *, client: str, reply: Callable[[Frame], None]) -> None:
        self._requests.serve(frame, lambda: self._answer(frame), client=client, reply=reply)

    async def close(self) -> None:
        """What is being loaded is given up; what has been downloaded stays."""
        await self._pulls.close()
        await self._requests.close()

    async def _answer(self, frame: EngineRequest) -> Frame:
        if frame.place == "page":
            raise EngineError(
                "Do this in the side panel or in a tab: a web page could place this click.", code="engine_in_page"
            )
        if not isinstance(frame, EngineShow):
            self._refuse_if_pinned()
        match frame:
            case EngineShow():
                return await self._state(frame.request)
            case EngineUse():
                await self._use(frame.base)
            case EngineTest():
                found = await asyncio.to_thread(self._connection, frame)
                return EngineTested(request=frame.request, models=await found.models(), host=found.host)
            case EngineConnect():
                self._refuse_if_busy()
                found = await asyncio.to_thread(self._connection, frame)
                self._begin(found.settings, to=found.host or found.settings.engine_url, found=found)
            case BaseOffer():
                offered = await self._pulls.offer(frame.repo)
                return BaseOffered(request=frame.request, **offered.model_dump(exclude={"bytes_all"}))
            case BasePull():
                self._pulls.start(frame.repo, frame.revision)
            case BaseCancel():
                await self._pulls.cancel()
        return EngineDone(request=frame.request)

    def _refuse_if_pinned(self) -> None:
        if self._switch is None or self._parts().settings.engine_pinned:
            raise EngineError("Engine and base are set by whoever runs this server.", code="engine_pinned")

    def _refuse_if_busy(self) -> None:
        """Raises Busy (`engine_switching`), EngineError (`engine_training`)."""
        if self._switching is not None:
            raise Busy("Another model is being put in place. Wait for it.", code="engine_switching")
        if self._training() is not None:
            raise EngineError(
                "A copilot is being trained for this base. Wait until it is done, or cancel it.", code="engine_training"
            )

    def _connection(self, frame: EngineConnect | EngineTest) -> Connection:
        """A test sends no page, so it needs no consent. Raises EngineError."""
        assert self._elsewhere is not None  # noqa: S101 - refused before
        named = {"model": frame.model, "may_leave": frame.may_leave} if isinstance(frame, EngineConnect) else {}
        fields: Any = {"model": "", "may_leave": True, **named}
        return self._elsewhere.connection(
            self._parts().settings, url=frame.url, key=frame.key, port=self._port, **fields
        )

    async def _use(self, name: str) -> None:
        """Raises BaseError (`base_missing`, `base_memory`), and as `_refuse_if_busy`."""
        self._refuse_if_busy()
        parts = self._parts()
        settings = parts.settings
        await asyncio.to_thread(lambda: check_memory(bases.find(settings, name)))
        self._refuse_if_busy()
        chosen = {"engine": "local", "base": name, "engine_model": model_elsewhere(parts)}
        self._begin(settings.model_copy(update=chosen), to=name, found=None)

    # --- the switch

    def _begin(self, settings: Settings, *, to: str, found: Connection | None) -> None:
        self._switching, self._trouble = Switching(to=to, phase="loading"), None
        self._requests.start(self._change(settings, found))

    async def _change(self, settings: Settings, found: Connection | None) -> None:
        assert self._switch is not None and self._switching is not None  # noqa: S101 - refused before
        to = self._switching.to

        def ending() -> None:
            self._switching = Switching(to=to, phase="ending")
            self._news()

        async def loaded(info: BaseInfo) -> None:
            await asyncio.to_thread(_keep, settings, info, found)

        self._news()
        try:
            await self._switch.to(settings, key=found.key if found else "", loaded=loaded, ending=ending)
        except RetinueError as error:
            self._trouble = EngineTrouble(code=error.code, message=error.message)
        except OSError as error:
            refusal = refusal_of(error)
            self._trouble = EngineTrouble(code=refusal.code, message=refusal.message)
        except Exception as error:
            _log.error("switching failed error=%s", type(error).__name__)
            self._trouble = EngineTrouble(code="base_failed", message="This failed inside the server. Try again.")
        finally:
            self._switching = None
        self._news()

    # --- what there is

    def _news(self) -> None:
        """To every client, as soon as the disk was looked at."""
        self._requests.start(self._tell_state())

    async def _tell_state(self) -> None:
        self._tell(await self._state(None))

    async def _state(self, request: str | None) -> EngineState:
        parts, elsewhere = self._parts(), self._elsewhere
        state = await asyncio.to_thread(standing, parts, request)
        has_key = elsewhere is not None and await asyncio.to_thread(elsewhere.has_key, parts.settings)
        return state.model_copy(
            update={
                "has_key": has_key,
                "pinned": self._switch is None or parts.settings.engine_pinned, "pulled": self._pulls.latest,
                "switching": self._switching, "trouble": self._trouble,
            }
        )  # fmt: skip


def _keep(settings: Settings, info: BaseInfo, found: Connection | None) -> None:
    """For the next start. Raises OSError, EngineError."""
    if found is not None:
        found.keep_key()
    keep_choice(
        settings.user_dir,
        Choice(
            engine=settings.engine, base=settings.base, engine_url=settings.engine_url,
            engine_model=info.name if found is not None else settings.engine_model,
            engine_remote_allowed=settings.engine_remote_allowed,
        ),
    )  # fmt: skip
