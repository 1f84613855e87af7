"""A whole question over an engine elsewhere: page, passages, quotations, checks. And the commands that use one."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from server.cli.doctor import examine
from server.compose import adapter_check, make_parts
from server.conversation.outbox import Outbox
from server.conversation.session import Session
from tests.server.fakes import ORIGIN, ask, give, page_open, some_copilots, until
from tests.server.remote.asking import chosen
from tests.server.remote.standin import Play, StandIn, chunk, event, vllm

CHAT = "/v1/chat/completions"


async def test_a_question_is_answered_with_quotations_that_are_checked(tmp_path: Path) -> None:
    wrong = ' It ends "after three years" [2].'
    async with StandIn().serving() as server:
        server.plays[CHAT] = [Play([vllm('Two years: "The term is two years." [2]' + wrong)])]
        settings = chosen(tmp_path, server.url)
        parts = make_parts(settings, say=lambda _: None)
        await parts.engine.start()
        outbox = Outbox(events_max=100)
        session = Session(parts, some_copilots(settings, parts.engine.info, adapter_check(parts.engine)), client=ORIGIN)
        session.attach(outbox)
        give(session, page_open())
        ready, _ = await until(outbox, "page.ready")
        assert not server.bodies(CHAT)  # nothing is sent before a question
        give(session, ask())
        done, before = await until(outbox, "run.done", timeout_s=10)
        await session.close()
        await parts.engine.stop()

    assert [quote.verified for quote in done.quotes] == [True, False]
    assert done.usage.model_dump() == {
        "page_tokens": ready.tokens, "cached_tokens": 16, "prompt_tokens": 31, "answer_tokens": 4
    }  # fmt: skip
    assert next(one.mode for one in before if one.type == "run.start") == "instructed"  # type: ignore[attr-defined]
    asked = server.bodies(CHAT)[0]["messages"][-1]["content"]
    assert "Be brief." in asked
    assert "passages:\n[2] The term is two years." in asked


async def test_a_server_that_dies_in_mid_answer_ends_the_run_with_its_code(tmp_path: Path) -> None:
    async with StandIn().serving() as server:
        server.plays[CHAT] = [Play([event(chunk("Two"))], whole=False)]
        parts = make_parts(chosen(tmp_path, server.url), say=lambda _: None)
        await parts.engine.start()
        outbox = Outbox(events_max=100)
        session = Session(parts, some_copilots(parts.settings), client=ORIGIN)
        session.attach(outbox)
        give(session, page_open())
        give(session, ask())
        error, before = await until(outbox, "run.error", timeout_s=10)
        await session.close()
        await parts.engine.stop()

    assert error.code == "engine_cut"
    assert [one.text for one in before if one.type == "run.delta"] == ["Two"]  # type: ignore[attr-defined]


async def test_doctor_asks_the_server_and_leaves_out_what_is_of_this_machine(tmp_path: Path) -> None:
    async with StandIn().serving() as server:
        found = await asyncio.to_thread(lambda: list(examine(chosen(tmp_path, server.url, port=1))))

    engine = next(finding for finding in found if finding.what == "engine")
    assert engine.code == "ok"
    assert engine.found == "smol on this machine; copilots by instructions alone; quotations checked afterwards"
    assert "torch" not in {finding.what for finding in found}


def test_doctor_says_that_nobody_answers(tmp_path: Path) -> None:
    found = {finding.what: finding for finding in examine(chosen(tmp_path, "http://127.0.0.1:9", port=1))}

    assert found["engine"].code == "engine_unreachable"


def test_torch_is_not_imported_for_an_engine_elsewhere(tmp_path: Path) -> None:
    script = f"""
import json, sys
from pathlib import Path
from server.app import build_app
from server.compose import *
from server.cli import serve
from server.settings import Settings
settings = Settings(engine="openai", engine_url="http://127.0.0.1:9", config_dir=Path({str(tmp_path)!r}))
build_app(settings, make_engine(settings, prepare_base(settings, say=print)), load_base=lambda: None, port=1)
load_text(None), make_encoder(settings), adapter_check(make_engine(settings, None))
print(json.dumps(sorted({{"torch", "transformers", "peft"}} & set(sys.modules))))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603

    assert json.loads(done.stdout) == []
