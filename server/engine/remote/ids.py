"""An engine that runs the same base elsewhere, by vLLM or llama.cpp: token ids in, token ids out. Made by compose.

The prompt is laid out here, so no page can forge a control token. A quotation is chosen here too: where one opens, the
request is closed, the chosen sentence is added, and the server goes on from there, with the prompt still in its cache.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from server.engine import AdapterRef, BaseInfo, Finished, PageInfo, PageTokens, Request, Tokens
from server.engine.adapter_check import check_adapter
from server.engine.remote import faults
from server.engine.remote.address import Address
from server.engine.remote.client import Client
from server.engine.remote.dialects import Dialect, Piece, Stretch
from server.engine.remote.ending import within
from server.engine.remote.identity import check_same_base, read_base
from server.engine.remote.models import check_echo, find_model
from server.engine.remote.stretches import Answer
from server.errors import BaseError, CopilotError
from server.settings import Settings


class IdsEngine:
    """Implements server.engine.Engine. `base`: the folder of the base that the server is to run too."""

    def __init__(
        self, settings: Settings, address: Address, base: Path, dialect: type[Dialect], *, key: str = ""
    ) -> None:
        self.capabilities = dialect.capabilities(address)
        self._settings, self._base = settings, base
        self._client = Client(settings, address, key=key)
        self._dialect = dialect(self._client, address)
        self._info: BaseInfo | None = None
        self._model = ""
        self._running = 0

    @property
    def info(self) -> BaseInfo:
        if self._info is None:
            raise BaseError("The engine has not started yet.", code="base_loading")
        return self._info

    async def start(self) -> None:
        """Raises EngineError (`engine_other_base` and what the client raises), Busy, BaseError."""
        model = await find_model(self._client, self._settings)
        info = await read_base(self._base)
        await check_same_base(self._dialect, model, base=self._base, who=self._client.who)
        await self._dialect.find_adapters()
        context = min(model.context_tokens or info.context_tokens, info.context_tokens)
        self._model, self._info = model.id, replace(info, context_tokens=context)

    async def stop(self) -> None:
        await self._client.close()

    def check_adapter(self, folder: Path, info: BaseInfo) -> AdapterRef:
        """As the engine of this machine checks it, and the server must have it. Raises CopilotError."""
        found = check_adapter(folder, info)
        if not self._dialect.has(found):
            message = f"{self._client.who} was started without this adapter. `retinue engine adapters` makes the files."
            raise CopilotError(message, code="copilot_not_there")
        return found

    async def open_page(self, page: PageTokens, on_progress: Callable[[int, int], None]) -> PageInfo:
        """Nothing is sent before a question is asked."""
        on_progress(len(page.ids), len(page.ids))
        return PageInfo(tokens=len(page.ids), cached_tokens=0)

    async def close_page(self, page: PageTokens) -> None:
        """Nothing was kept."""

    async def generate(self, request: Request) -> AsyncIterator[Tokens | Finished]:
        self._running += 1
        try:
            async for event in within(request.timeout_s, self._answer(request)):
                yield event
        finally:
            self._running -= 1

    def stats(self) -> dict[str, int]:
        return {"rows_running": self._running}

    async def _answer(self, request: Request) -> AsyncGenerator[Tokens | Finished]:
        adapter = await self._dialect.name_of(request.adapter) if request.adapter else ""
        first = Stretch(
            model=self._model, ids=(*request.page.ids, *request.history, *request.turn), adapter=adapter,
            tokens_max=request.tokens_max, stop_ids=request.stop_ids, attempt=request.attempt,
        )  # fmt: skip
        async with aclosing(Answer(request, first, self._asking).events()) as events:
            async for event in events:
                yield event

    async def _asking(self, asked: Stretch) -> AsyncGenerator[Piece]:
        """The pieces of one stretch, up to that with a reason. Raises EngineError, Busy."""
        dialect, who = self._dialect, self._client.who
        async with self._client.events(dialect.url, lambda: dialect.body(asked), kind=dialect.event) as events:
            async for event in events:
                piece = dialect.piece(event)
                check_echo(piece.model, wanted=dialect.echoes(asked), settings=self._settings, who=who)
                if piece.reason == "broken":
                    raise faults.cut(who)
                yield piece
                if piece.reason:
                    return
        raise faults.cut(who)
