"""The very tokens of our engine from llama.cpp's server: the same weights in fp32, by ids, greedy, base and adapter."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from server.compose import load_text, make_engine
from server.engine import AdapterRef, Finished, PageTokens, Request
from server.engine.adapter_check import check_adapter
from server.engine.local.base.adapter_gguf import write_gguf
from server.engine.local.base.outline import outline
from server.engine.local.engine import LocalEngine
from server.engine.remote.dialects import adapter_name
from server.text.page import read_page
from tests.engines.running import BASE, LlamaServer, llama_server
from tests.engines.wide_gguf import write_wide
from tests.server.fakes import settings
from tests.server.remote.asking import chosen

pytestmark = pytest.mark.exact
GENERAL = Path(__file__).parents[2] / "adapters" / "general" / "_adapters" / BASE.name
BLOCKS = ("Ferry timetable", "The boat leaves the harbour at nine.", "It comes back at six in the evening, every day.")
QUESTIONS = ("What is this page about?", "When does the boat leave and when is it back?")


@pytest.fixture(scope="module")
def adapter() -> AdapterRef:
    return check_adapter(GENERAL, outline(BASE)[0])


@pytest.fixture(scope="module")
def llama(adapter: AdapterRef, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    folder = tmp_path_factory.mktemp("wide")
    wide, tuned = folder / "base.gguf", folder / f"{adapter_name('general', adapter)}.gguf"
    write_wide(BASE, wide)
    write_gguf(adapter, BASE, tuned)
    with llama_server(tuned, gguf=wide) as server:
        yield server
    wide.unlink()


async def answers(engine: Any, asked: list[Request]) -> list[list[int]]:
    """One by one."""
    await engine.start()
    found: list[list[int]] = []
    try:
        for request in asked:
            found.append([])
            async for event in engine.generate(request):
                if not isinstance(event, Finished):
                    found[-1] += event.ids
    finally:
        await engine.stop()
    return found


async def test_its_answers_are_those_of_our_engine(tmp_path: Path, llama: LlamaServer, adapter: AdapterRef) -> None:
    text = await asyncio.to_thread(load_text, BASE)
    prefix = text.layout.page(read_page(title="", url="", blocks=BLOCKS, chars_max=1_000), tokens_max=1_000)
    asked = [
        Request(
            page=PageTokens(prefix.ids, prefix.spans), history=(), turn=text.layout.ask(question, instructions=""),
            adapter=tuned, stop_ids=text.stop_ids, tokens_max=24, timeout_s=300.0, constrain_quotes=False,
        )
        for question in QUESTIONS for tuned in (None, adapter)
    ]  # fmt: skip
    there = chosen(tmp_path, llama.url, engine="llamacpp", engine_silent_s_max=120.0)

    ours = await answers(LocalEngine(settings(tmp_path, weights="bf16"), BASE, dtype=torch.float32), asked)

    assert await answers(make_engine(there, BASE), asked) == ours
    assert len({tuple(one) for one in ours}) == len(asked)
    assert all(len(set(one)) > 5 for one in ours)  # no loops, which prove little
