"""The same base on llama.cpp's real server: our own prompt as token ids, our own adapter, quotations chosen here."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.cli.doctor import examine
from server.compose import adapter_check, load_text, make_engine
from server.conversation.outbox import Outbox
from server.conversation.pages import Parts
from server.conversation.session import Session
from server.settings import Settings
from tests.engines.running import BASE, LlamaServer, llama_server
from tests.server.fakes import ORIGIN, ask, give, page_open, some_copilots, until
from tests.server.remote.asking import chosen

BLOCKS = ("Lease", "The term is two years.", "The rent is 900 euros a month.")
ADAPTERS = Path(__file__).parents[2] / "adapters"
SECONDS = 120.0  # another test may have the processor


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    """With the adapters that `retinue engine adapters` writes."""
    out = tmp_path_factory.mktemp("gguf")
    env = os.environ | {"RETINUE_BASES_DIR": str(BASE.parent)}
    command = [sys.executable, "-m", "server", "engine", "adapters", str(out)]
    subprocess.run(command, env=env, capture_output=True, check=True)  # noqa: S603
    files = sorted(out.glob("general-*.gguf"))
    assert files
    with llama_server(*files) as server:
        yield server


def settings(tmp_path: Path, llama: LlamaServer, **more: Any) -> Settings:
    known = {"engine": "llamacpp", "bases_dir": BASE.parent, "engine_silent_s_max": SECONDS}
    return chosen(tmp_path, llama.url, **{**known, **more})


async def test_a_tuned_copilot_answers_by_ids_and_quotes_a_sentence_of_the_page(
    tmp_path: Path, llama: LlamaServer
) -> None:
    found = settings(tmp_path, llama)
    found.adapters_dir.mkdir(parents=True, exist_ok=True)
    (found.adapters_dir / "general").symlink_to(ADAPTERS / "general")
    parts = Parts(found, make_engine(found, BASE), load_text(BASE))
    await parts.engine.start()
    copilots = some_copilots(found, parts.engine.info, adapter_check(parts.engine))
    outbox = Outbox(events_max=1_000)
    session = Session(parts, copilots, client=ORIGIN)
    session.attach(outbox)
    give(session, page_open(blocks=BLOCKS))
    give(session, ask(question="How long is the term of the lease?", max_tokens=80))
    done, before = await until(outbox, "run.done", timeout_s=SECONDS)
    await session.close()
    await parts.engine.stop()

    assert copilots.get("lease").mode == "general", copilots.get("lease").refused
    assert [quote.text for quote in done.quotes] == ["The term is two years."], done.answer
    assert all(quote.verified and quote.block == 2 for quote in done.quotes)
    assert '"The term is two years." [2]' in done.answer
    assert len(before) > 3


async def test_doctor_says_that_its_copilots_are_tuned(tmp_path: Path, llama: LlamaServer) -> None:
    found = await asyncio.to_thread(lambda: {one.what: one for one in examine(settings(tmp_path, llama, port=1))})

    assert found["engine"].code == "ok", found["engine"]
    assert found["engine"].found.endswith("; tuned copilots; quotations chosen from the page")
