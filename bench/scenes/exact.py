"""Do all write the same tokens? Greedy answers of every contender against PEFT's, one copilot at a time, in fp32.

In fp32, because two right programs round bf16 differently and a tie then turns the answer. Our side is the engine
itself with quotations unconstrained: the socket has no switch for that, and the peers constrain nothing.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import torch

from bench.cases import Cases, Contender, PageCase, QuestionCase, Stamp
from bench.figures import Results
from bench.measures import ROWS, rows_of
from bench.peers.ours import NAME
from bench.peers.peft_peer import Peft
from server.engine import PageTokens, Request, Tokens
from server.engine.adapter_check import check_adapter
from server.engine.local.engine import LocalEngine
from server.settings import Settings

_log = logging.getLogger(__name__)
TABLE = "tokens equal to PEFT's, fp32, greedy"


class OursInProcess:
    """The engine without the server around it, in fp32."""

    name = NAME

    def __init__(self, engine: LocalEngine, cases: Cases, folders: Sequence[Path]) -> None:
        self._engine, self._cases = engine, cases
        self._adapters = [check_adapter(folder, engine.info) for folder in folders]

    async def open(self, page: PageCase) -> None:
        await self._engine.open_page(PageTokens(page.ids), lambda done, total: None)

    async def close(self, page: PageCase) -> None:
        await self._engine.close_page(PageTokens(page.ids))

    async def warm(self, asks: Sequence[QuestionCase]) -> None:
        """Speed is not asked here."""

    async def answer(self, ask: QuestionCase) -> Stamp:
        request = Request(
            page=PageTokens(ask.page.ids), history=(), turn=self._cases.turn(ask), adapter=self._adapters[ask.copilot],
            stop_ids=frozenset(), tokens_max=ask.tokens, timeout_s=900, constrain_quotes=False,
        )  # fmt: skip
        ids: list[int] = []
        async for event in self._engine.generate(request):
            ids += event.ids if isinstance(event, Tokens) else ()
        return Stamp(0, 0, 0, len(ids), tuple(ids))

    async def together(self, asks: Sequence[QuestionCase]) -> list[Stamp]:
        return await asyncio.gather(*map(self.answer, asks))


@contextlib.asynccontextmanager
async def engine(
    base: Path, cases: Cases, folders: Sequence[Path], settings: Settings, *, device: str
) -> AsyncIterator[OursInProcess]:
    wide = settings.model_copy(update={"weights": "bf16"})  # narrow weights are another model
    running = LocalEngine(wide, base, dtype=torch.float32, device=device)
    await running.start()
    try:
        yield OursInProcess(running, cases, folders)
    finally:
        await running.stop()


async def compare(
    results: Results, oracle: Peft, contenders: Sequence[Contender], cases: Cases, *, model: str, page: int, tokens: int
) -> None:
    """Every contender answers 8 questions at once; the oracle, one by one."""
    _log.info("%s: %s", model, TABLE)
    for measure, copilots in (("8 answers, 8 copilots", range(ROWS)), ("8 answers, same copilot", [0] * ROWS)):
        case = cases.page(page)
        asks = rows_of(case, copilots, tokens=tokens)
        wanted = [(await oracle.answer(ask)).ids for ask in asks]
        for contender in contenders:
            await contender.open(case)
            got = [stamp.ids for stamp in await contender.together(asks)]
            await contender.close(case)
            equal = sum(mine == theirs for mine, theirs in zip(got, wanted, strict=True))
            key = model, TABLE, measure
            results.add(key, [float(equal)], unit=f"of {ROWS}", contender=contender.name, better="higher")
    results.note(f"Tokens equal: {tokens} tokens each, fp32; every contender answers the 8 questions at once.")
