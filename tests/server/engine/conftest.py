"""A random-weight base of the real Qwen3 architecture and PEFT-made adapters for it."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from server.engine import AdapterRef, BaseInfo, Finished, PageTokens, Request, Tokens
from server.engine.adapter_check import check_adapter
from server.engine.fingerprint import base_fingerprint
from server.engine.local.engine import LocalEngine
from server.settings import load_settings
from server.text.prompt import PromptLayout
from tests import tiny

USER_HEADER = PromptLayout(tiny.tokenizer()).user_header
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_base(tmp_path_factory.mktemp("bases") / "tiny", family="qwen3", layers=3, spread=0.2)


def make_adapter(base: Path, folder: Path, *, seed: int, activated: bool = True) -> Path:
    """Write a PEFT adapter with random A and B, as training writes them."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    config = LoraConfig(
        r=4, lora_alpha=16, target_modules=LINEARS, task_type="CAUSAL_LM",
        alora_invocation_tokens=USER_HEADER if activated else None,
    )  # fmt: skip
    peft = get_peft_model(model, config)
    for name, weight in peft.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.2)
    peft.save_pretrained(folder)
    (folder / "lock.json").write_text(json.dumps({"base_fingerprint": base_fingerprint(base)}))
    return folder


@pytest.fixture(scope="session")
def adapters(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("adapters")
    return [make_adapter(tiny_base, root / "legal" / f"copilot-{n}" / "tiny", seed=n) for n in range(1, 4)]


@pytest.fixture(scope="session")
def plain_adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain") / "legal" / "plain" / "tiny"
    return make_adapter(tiny_base, folder, seed=9, activated=False)


@pytest.fixture
def info(tiny_base: Path) -> BaseInfo:
    return BaseInfo("tiny", base_fingerprint(tiny_base), 0, 1024)


class Driver:
    """Runs an engine for a synchronous test."""

    def __init__(self, engine: LocalEngine, loop: asyncio.AbstractEventLoop) -> None:
        self.engine, self.loop = engine, loop

    def open(self, page: PageTokens) -> tuple[int, int]:
        opened = self.loop.run_until_complete(self.engine.open_page(page, lambda done, total: None))
        return opened.tokens, opened.cached_tokens

    def close(self, page: PageTokens) -> None:
        self.loop.run_until_complete(self.engine.close_page(page))

    async def answer(self, request: Request) -> tuple[list[int], Finished]:
        ids: list[int] = []
        async for event in self.engine.generate(request):
            if isinstance(event, Tokens):
                ids += event.ids
            else:
                return ids, event
        raise AssertionError("no terminal event")

    def ask(self, *requests: Request) -> list[tuple[list[int], Finished]]:
        async def together() -> list[tuple[list[int], Finished]]:
            return await asyncio.gather(*map(self.answer, requests))

        return self.loop.run_until_complete(together())


@pytest.fixture
def driver(tiny_base: Path) -> Iterator[Driver]:
    with running(tiny_base, dtype=torch.float32) as driver:
        yield driver


@contextlib.contextmanager
def running(base: Path, *, dtype: torch.dtype | None = None) -> Iterator[Driver]:
    """An engine with small chunks. Without `dtype` it computes as served, in bf16."""
    loop = asyncio.new_event_loop()
    settings = load_settings(threads=1, prefill_chunk_tokens=48, runs_waiting_max=8)
    engine = LocalEngine(settings, base, dtype=dtype)
    loop.run_until_complete(engine.start())
    yield Driver(engine, loop)
    loop.run_until_complete(engine.stop())
    loop.close()


@pytest.fixture
def request_for() -> Callable[..., Request]:
    def build(
        page: PageTokens,
        turn: list[int],
        adapter: AdapterRef | None,
        *,
        history: list[int] | None = None,
        tokens: int = 12,
    ) -> Request:
        return Request(
            page=page, history=history or [], turn=turn, adapter=adapter, stop_ids=frozenset(), tokens_max=tokens,
            timeout_s=60, constrain_quotes=False,
        )  # fmt: skip

    return build


@pytest.fixture
def refs(adapters: list[Path], info: BaseInfo) -> list[AdapterRef]:
    return [check_adapter(folder, info) for folder in adapters]
