"""A panel over the real engine with a tiny base: its runs share one reading of the page and decode in one batch."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from server.catalog.bases import load_text
from server.catalog.copilots import Copilots
from server.conversation.outbox import Outbox
from server.conversation.pages import Parts
from server.conversation.session import Session
from server.engine.adapter_check import check_adapter
from server.engine.local.engine import LocalEngine
from server.engine.local.scheduler import Work
from server.protocol.client import CLIENT_FRAME
from tests.server.fakes import settings, write_copilot

PAGE = {"type": "page.open", "page": "p1", "title": "Kettle", "url": "https://x.test/", "blocks": ["It is red."] * 20}


def give(session: Session, frame: dict[str, Any]) -> None:
    session.receive(CLIENT_FRAME.validate_json(json.dumps(frame)))


async def until(outbox: Outbox, type_: str) -> dict[str, object]:
    async with asyncio.timeout(60):
        while (frame := (await outbox.get()).model_dump())["type"] != type_:
            pass
    return frame


def spy(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The copilots whose answers each step goes on with."""
    steps: list[set[str]] = []
    runner = engine._worker._runner
    step = runner.step

    def seen(work: list[Work]) -> list[torch.Tensor]:
        steps.append({item.row.adapter_ref.id for item in work if item.row.adapter_ref})
        return step(work)

    monkeypatch.setattr(runner, "step", seen)
    return steps


async def test_a_panels_runs_share_one_reading_and_one_batch(
    tiny_base: Path, adapters: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(tmp_path, threads=1, prefill_chunk_tokens=48, answer_tokens_default=24)
    names = [folder.parent.name for folder in adapters]
    for name, folder in zip(names, adapters, strict=True):
        copilot = write_copilot(chosen.adapters_dir, f"legal/{name}", f'name = "{name}"\npromise = "Reads."\n')
        shutil.copytree(folder, copilot / "_adapters" / "tiny")
    engine = LocalEngine(chosen, tiny_base, dtype=torch.float32)
    await engine.start()
    batches = spy(engine, monkeypatch)
    copilots = Copilots(
        adapters_dir=chosen.adapters_dir, user_dir=chosen.user_dir, base=engine.info, check_adapter=check_adapter
    )
    session, outbox = Session(Parts(chosen, engine, load_text(tiny_base)), copilots, client="c"), Outbox(events_max=999)
    session.attach(outbox)
    give(session, PAGE)
    page = await until(outbox, "page.ready")
    batches.clear()

    members = [{"run": f"r{n}", "copilot": f"legal/{name}"} for n, name in enumerate(names)]
    give(session, {"type": "panel.ask", "group": "g", "members": members, "page": "p1", "question": "Which colour?"})
    ends = [await until(outbox, "run.done") for _ in names]
    await session.close()
    await engine.stop()

    assert {end["usage"]["cached_tokens"] for end in ends} == {page["tokens"]}  # type: ignore[index]
    assert max(map(len, batches)) == 3
    assert max(batches, key=len) == {"legal/" + name for name in names}
    assert sum(map(len, batches)) > 1.5 * len(batches)  # most steps are of more than one run
