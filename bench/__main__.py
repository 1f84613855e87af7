"""`make bench`: time to first token (first question, follow-up, copilot switch) and decode speed on the contract page.

The peer is plain transformers with PEFT, which reads the page again for every copilot. Run it on an idle machine.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import torch
from peft import PeftModel
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForCausalLM, AutoTokenizer

from server.documents import read_document
from server.engine import AdapterRef, PageText, Request, Tokens
from server.engine.loader import check_adapter, preferred_dtype
from server.engine.local import LocalEngine
from server.page import read_page
from server.prompt import PromptLayout
from server.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "tests" / "e2e" / "pages" / "contract.html"
ROUNDS = 5
ANSWER_TOKENS = 32
QUESTIONS = ("When does it renew?", "What is the late fee?", "Who may terminate?", "What is the liability cap?")


class Bench:
    """One base, one page, its adapters."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.adapters_dir / "base" / settings.base
        self.engine = LocalEngine(settings, self.folder)
        self.layout = PromptLayout(AutoTokenizer.from_pretrained(self.folder, local_files_only=True))
        document = read_document(str(PAGE))
        page = read_page(title=document.title, url="", blocks=document.blocks, chars_max=settings.page_chars_max)
        prefix = self.layout.page(page, tokens_max=3_000)
        self.page = PageText(prefix.ids, prefix.spans)
        self.adapters: list[AdapterRef] = []

    def find_adapters(self, settings: Settings) -> None:
        folders = sorted(settings.adapters_dir.glob(f"*/*/{settings.base}"))
        self.adapters = [check_adapter(f, self.engine.info) for f in folders if (f / "lock.json").exists()]

    async def ask(
        self, adapter: AdapterRef | None, question: str, *, tokens: int = ANSWER_TOKENS
    ) -> tuple[float, float]:
        """Seconds to the first token, and to the last of `tokens`."""
        turn = self.layout.ask(question, norms="")
        request = Request(
            page=self.page, history=(), turn=turn, adapter=adapter, stop_ids=frozenset(), tokens_max=tokens,
            timeout_s=120,
        )  # fmt: skip
        started, first = time.perf_counter(), 0.0
        async for event in self.engine.generate(request):
            if isinstance(event, Tokens) and not first:
                first = time.perf_counter() - started
        return first, time.perf_counter() - started

    async def forget_page(self) -> None:
        """Close and evict, so that the next reading is cold."""
        await self.engine.close_page(self.page)
        budget, self.engine._tree.bytes_max = self.engine._tree.bytes_max, 0
        await self.engine.close_page(PageText((0,)))
        await asyncio.sleep(0.05)
        self.engine._tree.bytes_max = budget


async def median(measure: Callable[[], Awaitable[float]]) -> float:
    return statistics.median([await measure() for _ in range(ROUNDS)])


async def ours(bench: Bench) -> dict[str, float]:
    adapters = [*bench.adapters, None]
    calls = iter(range(10**6))

    async def cold() -> float:
        await bench.forget_page()
        started = time.perf_counter()
        await bench.engine.open_page(bench.page, lambda done, total: None)
        return time.perf_counter() - started + (await bench.ask(adapters[0], QUESTIONS[0], tokens=1))[0]

    async def follow_up() -> float:
        return (await bench.ask(adapters[0], QUESTIONS[next(calls) % 4], tokens=1))[0]

    async def switch() -> float:
        number = next(calls)
        return (await bench.ask(adapters[number % len(adapters)], QUESTIONS[number % 4], tokens=1))[0]

    async def decode() -> float:
        first, total = await bench.ask(adapters[0], QUESTIONS[0])
        return (ANSWER_TOKENS - 1) / (total - first)

    await cold()
    return {
        "first question, page cold (ms)": 1e3 * await median(cold),
        "follow-up, same copilot (ms)": 1e3 * await median(follow_up),
        "copilot switch (ms)": 1e3 * await median(switch),
        "decode, one answer (tokens/s)": await median(decode),
    }


def peer(bench: Bench) -> dict[str, float]:
    """transformers + PEFT: set_adapter, then the whole prompt from scratch."""
    model = AutoModelForCausalLM.from_pretrained(bench.folder, dtype=preferred_dtype("cpu"), local_files_only=True)
    if bench.adapters:
        model = PeftModel.from_pretrained(model, bench.adapters[0].folder)
    model.eval()
    ids = torch.tensor([[*bench.page.ids, *bench.layout.ask(QUESTIONS[0], norms="")]])

    def generate(tokens: int) -> float:
        started = time.perf_counter()
        model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, min_new_tokens=tokens,
            do_sample=False, pad_token_id=0,
        )  # fmt: skip
        return time.perf_counter() - started

    generate(1)
    first = statistics.median(generate(1) for _ in range(ROUNDS))
    total = statistics.median(generate(ANSWER_TOKENS) for _ in range(ROUNDS))
    return {
        "first question, page cold (ms)": 1e3 * first,
        "follow-up, same copilot (ms)": 1e3 * first,
        "copilot switch (ms)": 1e3 * first,
        "decode, one answer (tokens/s)": (ANSWER_TOKENS - 1) / (total - first),
    }


async def main() -> None:
    settings = load_settings()
    bench = Bench(settings)
    await bench.engine.start()
    bench.find_adapters(settings)
    mine, theirs = await ours(bench), peer(bench)
    await bench.engine.stop()
    table = Table(title=f"{len(bench.page.ids):,}-token page, {settings.threads} threads, medians of {ROUNDS}")
    for heading in ("measure", "retinue", "transformers + PEFT", "times better"):
        table.add_column(heading, justify="left" if heading == "measure" else "right")
    for name, value in mine.items():
        ratio = value / theirs[name] if "tokens/s" in name else theirs[name] / value
        table.add_row(name, f"{value:,.0f}", f"{theirs[name]:,.0f}", f"{ratio:.1f}")
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
