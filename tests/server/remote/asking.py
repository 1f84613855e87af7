"""Questions to an engine elsewhere, as the session puts them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from server.compose import load_text, make_engine
from server.engine import Finished, PageTokens, Request, Tokens
from server.settings import Settings
from server.text.page import read_page
from server.text.prompt import Turn
from server.text.turns import decode
from tests.server.fakes import settings
from tests.server.remote.standin import Play, StandIn

PAGE = read_page(title="Lease", url="", blocks=["Lease", "The term is two years."], chars_max=1_000)


def chosen(tmp_path: Path, url: str, **more: Any) -> Settings:
    quick = {"engine": "openai", "engine_silent_s_max": 5.0, "engine_connect_s_max": 2.0, "engine_tries_max": 2}
    return settings(tmp_path, engine_url=url, **{**quick, **more})


def request(
    *, tokens_max: int = 50, timeout_s: float = 10.0, history: Sequence[Turn] = (), attempt: int = 0
) -> Request:
    base = load_text(None)
    prefix = base.layout.page(PAGE, tokens_max=10_000)
    return Request(
        page=PageTokens(prefix.ids, prefix.spans), history=base.layout.history(history),
        turn=base.layout.ask("How long?", instructions="Be brief."), adapter=None, stop_ids=base.stop_ids,
        tokens_max=tokens_max, timeout_s=timeout_s, attempt=attempt,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def engine_at(tmp_path: Path, *plays: Play, **more: Any) -> AsyncIterator[tuple[Any, StandIn]]:
    async with StandIn().serving() as server:
        server.plays["/v1/chat/completions"] = list(plays)
        engine = make_engine(chosen(tmp_path, server.url, **more), None)
        await engine.start()
        try:
            yield engine, server
        finally:
            await engine.stop()


async def answer_of(engine: Any, asked: Request | None = None) -> tuple[str, Finished]:
    ids: list[int] = []
    async with asyncio.timeout(20), contextlib.aclosing(engine.generate(asked or request())) as events:
        async for event in events:
            if isinstance(event, Finished):
                return decode(ids), event
            assert isinstance(event, Tokens)
            ids += event.ids
    raise AssertionError("the answer has no end")
