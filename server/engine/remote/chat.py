"""An engine that is any server in OpenAI's form: Ollama, LM Studio, a gateway. Made by compose.

It sends messages and gets text: ids are bytes here (`server/text/turns`). Nothing is sent before a question is asked.
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from server.engine import BaseInfo, Capabilities, Finished, PageInfo, PageTokens, Request, Tokens
from server.engine.remote.address import Address
from server.engine.remote.client import Client
from server.engine.remote.ending import Ending, within
from server.engine.remote.models import check_echo, find_model
from server.engine.remote.wire import Chunk, ModelCard
from server.errors import BaseError, Busy, EngineError
from server.settings import Settings
from server.text.turns import IDS_PER_TOKEN, encode, messages

_log = logging.getLogger(__name__)
_BYTES_PER_TOKEN_MAX = 16  # of an answer: with more the server does not keep to `max_tokens`
_SAMPLED = 0.7  # temperature of another attempt


def chat_capabilities(address: Address) -> Capabilities:
    return Capabilities(
        prompt="messages", adapters="none", quotes="checked", shares_page=False, counts_cached=False,
        changes_adapters=False, host=address.host,
    )  # fmt: skip


class ChatEngine:
    """Implements server.engine.Engine."""

    def __init__(self, settings: Settings, address: Address, *, key: str = "", must_answer: bool = True) -> None:
        """Without `must_answer` the named model is believed while the server is away."""
        self._must_answer = must_answer
        self.capabilities = chat_capabilities(address)
        self._settings, self._url = settings, f"{address.api}/chat/completions"
        self._client = Client(settings, address, key=key)
        self._info: BaseInfo | None = None
        self._running = 0

    @property
    def info(self) -> BaseInfo:
        if self._info is None:
            raise BaseError("The engine has not started yet.", code="base_loading")
        return self._info

    async def start(self) -> None:
        """Ask for the models. Raises EngineError, Busy."""
        try:
            model = await find_model(self._client, self._settings)
        except (EngineError, Busy) as error:
            if self._must_answer or not self._settings.engine_model:
                raise
            _log.warning("the engine elsewhere does not answer yet code=%s", error.code)
            model = ModelCard(id=self._settings.engine_model)
        context = model.context_tokens or self._settings.engine_context_tokens
        self._info = BaseInfo(model.id, fingerprint="", parameters=0, context_tokens=context)

    async def stop(self) -> None:
        await self._client.close()

    async def open_page(self, page: PageTokens, on_progress: Callable[[int, int], None]) -> PageInfo:
        tokens = len(page.ids) // IDS_PER_TOKEN
        on_progress(tokens, tokens)
        return PageInfo(tokens=tokens, cached_tokens=0)

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
        prompt = [*request.page.ids, *request.history, *request.turn]
        said, name = messages(prompt), self.info.name
        end = Ending(self._client.who, room=request.tokens_max * _BYTES_PER_TOKEN_MAX)
        async with self._client.events(self._url, lambda: self._body(said, request), kind=Chunk) as chunks:
            async for chunk in chunks:
                check_echo(chunk.model, wanted=name, settings=self._settings, who=self._client.who)
                end.note(chunk)
                for choice in chunk.choices[:1]:
                    if ids := end.fitting(encode(choice.said)):
                        yield Tokens(ids)
                if end.is_full:
                    break
        yield end.finished(prompt_tokens=len(prompt) // IDS_PER_TOKEN, answer_tokens=-(-end.count // IDS_PER_TOKEN))

    def _body(self, said: list[dict[str, str]], request: Request) -> dict[str, Any]:
        """Without what this server has refused by name."""
        limit = "max_completion_tokens" if "max_tokens" in self._client.without else "max_tokens"
        optional: dict[str, Any] = {
            "temperature": _SAMPLED if request.attempt else 0,
            "seed": request.attempt,
            "stream_options": {"include_usage": True},
        }
        kept = {name: value for name, value in optional.items() if name not in self._client.without}
        return {"model": self.info.name, "messages": said, "stream": True, limit: request.tokens_max, **kept}
