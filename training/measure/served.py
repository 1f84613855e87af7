"""Answers to held-out rows exactly as they are served: through the engine, many at once, quotations chosen. Called by
evaluate, make and general.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import torch

from server.catalog import bases
from server.catalog.bases import BaseText
from server.conversation.evidence import QuoteChooser, abstention
from server.engine import AdapterRef, PageTokens, Request, Tokens
from server.engine.adapter_check import check_adapter
from server.engine.local.engine import LocalEngine
from server.errors import RetinueError
from server.settings import load_settings
from training.dataset.render import Rendered

TOKENS_MAX = 200
TOGETHER = 16
TIMEOUT_S = 600.0


def answers(
    base: Path, rows: Sequence[Rendered], *, adapter: Path | None, tokens_max: int = TOKENS_MAX,
    dtype: torch.dtype | None = None,
) -> list[str]:  # fmt: skip
    """The answer to each row, in order; `adapter` is a folder with lock.json, None for the base alone.

    Raises BaseError and CopilotError. An answer that fails is an empty text.
    """
    return asyncio.run(_answers(base, rows, adapter, tokens_max, dtype))


async def _answers(
    base: Path, rows: Sequence[Rendered], adapter: Path | None, tokens_max: int, dtype: torch.dtype | None
) -> list[str]:
    engine = LocalEngine(load_settings(threads=torch.get_num_threads(), rows_max=TOGETHER), base, dtype=dtype)
    text = bases.load_text(base)
    await engine.start()
    try:
        ref = check_adapter(adapter, engine.info) if adapter is not None else None
        places = sorted(range(len(rows)), key=lambda place: rows[place].prefix)  # rows of one page together
        found = [""] * len(rows)
        for start in range(0, len(places), TOGETHER):
            group = places[start : start + TOGETHER]
            pages = {rows[place].prefix[: rows[place].page_tokens]: _page(rows[place]) for place in group}
            for page in pages.values():  # one after another: together each would get a sliver of every step
                await engine.open_page(page, lambda done, total: None)
            asked = [_answer(engine, text, rows[place], ref, tokens_max) for place in group]
            for place, answer in zip(group, await asyncio.gather(*asked), strict=True):
                found[place] = answer
            for page in pages.values():
                await engine.close_page(page)
        return found
    finally:
        await engine.stop()


async def _answer(
    engine: LocalEngine, text: BaseText, row: Rendered, adapter: AdapterRef | None, tokens_max: int
) -> str:
    request = Request(
        page=_page(row),
        history=row.prefix[row.page_tokens :],
        turn=row.suffix[: row.answer_at],
        adapter=adapter,
        stop_ids=text.stop_ids,
        tokens_max=tokens_max,
        timeout_s=TIMEOUT_S,
        unless_sure=abstention(row.example.question, adapter, text.layout.text, instructed=row.instructed),
        choose_quote=QuoteChooser(row.ranked, decode=text.decode, encode=text.layout.text) if row.ranked else None,
    )
    ids: list[int] = []
    try:
        async for event in engine.generate(request):
            if isinstance(event, Tokens):
                ids += event.ids
    except RetinueError:
        return ""
    return text.decode(ids).strip()


def _page(row: Rendered) -> PageTokens:
    return PageTokens(row.prefix[: row.page_tokens], row.spans)
