"""Our server in front of a real small one that speaks OpenAI's API: llama.cpp's, by messages alone."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from server.cli.doctor import examine
from server.compose import make_engine, make_parts
from server.conversation.outbox import Outbox
from server.conversation.session import Session
from server.errors import EngineError
from server.protocol.run import RunDelta
from server.settings import Settings
from tests.engines.running import NAME, LlamaServer, free_port, llama_server
from tests.server.fakes import ORIGIN, ask, give, page_open, some_copilots, until
from tests.server.remote.asking import chosen

BLOCKS = ("Lease", "The term is two years.", "The rent is 900 euros a month.")
SECONDS = 60.0  # another test may have the processor


@pytest.fixture(scope="module")
def llama() -> Iterator[LlamaServer]:
    with llama_server() as server:
        yield server


def settings(tmp_path: Path, llama: LlamaServer, **more: Any) -> Settings:
    return chosen(tmp_path, llama.url, engine_silent_s_max=SECONDS, **more)


@contextlib.asynccontextmanager
async def asked(chosen: Settings, blocks: Sequence[str] = BLOCKS, **fields: Any) -> AsyncIterator[Outbox]:
    """A question is under way."""
    parts = make_parts(chosen, say=lambda _: None)
    await parts.engine.start()
    outbox = Outbox(events_max=1_000)
    session = Session(parts, some_copilots(chosen), client=ORIGIN)
    session.attach(outbox)
    give(session, page_open(blocks=blocks))
    give(session, ask(**fields))
    try:
        yield outbox
    finally:
        await session.close()
        await parts.engine.stop()


async def test_a_question_is_answered_and_its_quotations_are_looked_up(tmp_path: Path, llama: LlamaServer) -> None:
    question = 'Repeat this: The lease says "The term is two years." [2] and "It ends in May." [3]'
    async with asked(settings(tmp_path, llama), question=question, max_tokens=60) as outbox:
        done, before = await until(outbox, "run.done", timeout_s=SECONDS)

    page = " ".join(BLOCKS)
    assert sum(isinstance(one, RunDelta) for one in before) > 3  # it streams
    assert done.answer
    assert done.usage.prompt_tokens > 50
    assert 0 < done.usage.answer_tokens <= 60
    assert done.quotes
    assert all(quote.verified == (quote.text in page) for quote in done.quotes)


async def test_stopping_an_answer_frees_its_place_on_the_server(tmp_path: Path, llama: LlamaServer) -> None:
    async with asked(settings(tmp_path, llama), question="Tell a very long story.", max_tokens=1_000) as outbox:
        await until(outbox, "run.delta", timeout_s=SECONDS)
        assert await asyncio.to_thread(llama.works)

    for _ in range(100):
        if not await asyncio.to_thread(llama.works):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the server still works on an answer that nobody reads")


async def test_a_page_longer_than_its_context_is_told(tmp_path: Path, llama: LlamaServer) -> None:
    symbols = ["∀∃∑∏∂∇" * 50 for _ in range(20)]  # more tokens than bytes would let one think
    async with asked(settings(tmp_path, llama), symbols) as outbox:
        error, _ = await until(outbox, "run.error", timeout_s=SECONDS)

    assert error.code == "engine_context"
    assert "2048" in error.message


async def test_another_model_than_was_asked_for_is_told(tmp_path: Path, llama: LlamaServer) -> None:
    """It answers whatever name it is asked by."""
    engine = make_engine(settings(tmp_path, llama, engine_model="gemma"), None)
    with pytest.raises(EngineError) as unknown:
        await engine.start()
    await engine.stop()
    async with asked(settings(tmp_path, llama, engine_answers_as="gemma")) as outbox:
        error, _ = await until(outbox, "run.error", timeout_s=SECONDS)

    assert unknown.value.code == "engine_model_unknown"
    assert NAME in unknown.value.message
    assert error.code == "engine_other_model"


async def test_doctor_names_the_model(tmp_path: Path, llama: LlamaServer) -> None:
    found = await asyncio.to_thread(lambda: {one.what: one for one in examine(settings(tmp_path, llama, port=1))})

    assert found["engine"].code == "ok"
    assert found["engine"].found.startswith(f"{NAME} on this machine; ")


def test_retinue_serve_answers_a_command_through_it(tmp_path: Path, llama: LlamaServer) -> None:
    """As a person starts it: two processes of ours and one of llama.cpp's."""
    page = tmp_path / "lease.md"
    page.write_text("\n\n".join(BLOCKS))
    env = os.environ | {
        "RETINUE_PORT": str(free_port()), "RETINUE_CONFIG_DIR": str(tmp_path / "config"),
        "RETINUE_USER_DIR": str(tmp_path / "user"),
    }  # fmt: skip
    ours = [sys.executable, "-P", "-m", "server"]
    command = [*ours, "serve", "--engine", "openai", "--url", llama.url]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as serving:  # noqa: S603
        try:
            assert serving.stdout is not None
            assert any("Ready." in line for line in serving.stdout)
            question = ["ask", "generalist", "--page", str(page), "--json", "How long is the term?"]
            asked = subprocess.run([*ours, *question], env=env, capture_output=True, text=True, check=False)  # noqa: S603
        finally:
            serving.terminate()

    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout)["answer"]
