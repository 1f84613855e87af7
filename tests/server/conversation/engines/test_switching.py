"""Another base takes over while the server runs: over the socket, with engines that are only names."""

import asyncio
import json
from pathlib import Path

import pytest

from server.catalog.copilots import CheckAdapter
from server.choice import read_choice
from server.conversation.engines.making import Assembled
from server.engine import AdapterRef, BaseInfo
from server.errors import BaseError
from server.settings import Settings, load_settings
from tests.server.catalog.test_copilots import write_adapter
from tests.server.conversation.engines.sidebar import (
    SLOW_S,
    Engines,
    asked,
    harness_with,
    heard,
    state,
    switched,
    write_base,
)
from tests.server.fakes import FakeWire, Harness, ask, eventually, page_open


async def open_page(wire: FakeWire) -> None:
    wire.say(page_open())
    await heard(wire, "page.ready")


async def test_the_sidebar_sees_what_runs_and_what_there_is(tmp_path: Path) -> None:
    harness = harness_with(tmp_path, Engines(), "one", "two")
    wire, _ = await harness.connect()

    seen = await state(wire)

    assert (seen["base"]["name"], seen["here"], seen["pinned"]) == ("fake", True, False)
    assert [base["name"] for base in seen["bases"]] == ["one", "two"]
    assert seen["bases"][0]["bytes"] == len(b"{}{}weights")
    assert seen["memory"]["process"] > 10_000_000
    assert "Qwen/Qwen3-0.6B" in [one["repo"] for one in seen["suggestions"]]


async def test_another_base_answers_and_the_open_page_is_read_again(tmp_path: Path) -> None:
    engines = Engines()
    harness = harness_with(tmp_path, engines, "two")
    wire, _ = await harness.connect()
    other, _ = await harness.connect()
    await open_page(wire)

    assert (await asked(wire, "engine.use", base="two"))["type"] == "engine.done"
    changed = await heard(wire, "engine.changed")
    await heard(wire, "page.ready")
    wire.say(ask("r9"))
    done = await heard(wire, "run.done")

    assert (changed["base"]["name"], done["answer"]) == ("two", "two says so.")
    assert (await heard(other, "engine.changed"))["base"]["name"] == "two"
    await eventually(lambda: not harness.engine.running and not harness.engine.open_pages, timeout_s=SLOW_S)
    assert len(engines.made["two"].open_pages) == 1
    assert (await harness.connect())[1]["base"]["name"] == "two"


async def test_an_answer_under_way_ends_first_and_new_ones_wait(tmp_path: Path) -> None:
    harness = harness_with(tmp_path, Engines(), "two")
    wire, _ = await harness.connect()
    await open_page(wire)
    harness.engine.gate.clear()
    wire.say(ask("r1"))
    await heard(wire, "run.passages")

    await asked(wire, "engine.use", base="two")
    while (seen := await heard(wire, "engine.state"))["switching"] != {"to": "two", "phase": "ending"}:
        pass
    wire.say(ask("r2"))
    refused = await heard(wire, "run.error")
    harness.engine.gate.set()

    assert (refused["code"], refused["retry_after_ms"]) == ("engine_switching", 1000)
    assert (await heard(wire, "run.done"))["answer"] == harness.engine.script
    assert (await heard(wire, "engine.changed"))["base"]["name"] == "two"
    assert seen["base"]["name"] == "fake"


async def test_an_answer_that_takes_too_long_ends_with_a_code(tmp_path: Path) -> None:
    harness = harness_with(tmp_path, Engines(), "two", engine_switch_s=0.05)
    wire, _ = await harness.connect()
    await open_page(wire)
    harness.engine.gate.clear()
    wire.say(ask("r1"))
    await heard(wire, "run.passages")

    await asked(wire, "engine.use", base="two")

    assert (await heard(wire, "run.error"))["code"] == "engine_switched"
    assert (await heard(wire, "engine.changed"))["base"]["name"] == "two"


@pytest.mark.parametrize("when", ["made", "started"])
async def test_when_the_next_cannot_be_loaded_the_former_goes_on(tmp_path: Path, when: str) -> None:
    engines = Engines()
    harness = harness_with(tmp_path, engines, "two")
    wire, _ = await harness.connect()
    await open_page(wire)
    error = BaseError("Its weights cannot be read.", code="base_unreadable")
    engines.fails, engines.starts_with = (error, None) if when == "made" else (None, error)

    await asked(wire, "engine.use", base="two")
    seen = await switched(wire)
    wire.say(ask("r1"))

    assert seen["trouble"] == {"code": "base_unreadable", "message": "Its weights cannot be read."}
    assert seen["base"]["name"] == "fake"
    assert (await heard(wire, "run.done"))["answer"] == harness.engine.script
    assert read_choice(harness.settings.user_dir) is None


async def test_what_breaks_in_a_library_is_told_without_its_words(tmp_path: Path) -> None:
    engines = Engines()
    harness = harness_with(tmp_path, engines, "two")
    wire, _ = await harness.connect()
    engines.starts_with = ValueError("/home/somebody")

    await asked(wire, "engine.use", base="two")
    trouble = (await switched(wire))["trouble"]

    assert trouble["code"] == "base_failed"
    assert "somebody" not in trouble["message"]


async def test_a_disk_that_takes_no_choice_keeps_the_former(tmp_path: Path) -> None:
    harness = harness_with(tmp_path, Engines(), "two")
    (harness.settings.user_dir / "engine.json").mkdir(parents=True)
    wire, _ = await harness.connect()

    await asked(wire, "engine.use", base="two")
    seen = await switched(wire)

    assert seen["trouble"]["code"] == "file_failed"
    assert seen["base"]["name"] == "fake"


async def test_adapters_are_looked_up_for_the_new_base(tmp_path: Path) -> None:
    """One of the former base's is left behind: by instructions alone."""

    def fits(folder: Path, base: BaseInfo) -> AdapterRef:
        return AdapterRef("", folder, f"for {base.name}")

    class Tuned(Engines):
        def assemble(self, settings: Settings, key: str | None) -> Assembled:
            made = super().assemble(settings, key)
            check: CheckAdapter = fits
            return Assembled(settings, made.engine, made.load_base, made.load_encoder, check)

    harness = harness_with(tmp_path, Tuned(), "tiny", "two")
    write_adapter(harness.settings.adapters_dir / "legal" / "lease")
    wire, _ = await harness.connect()

    async def mode_with(base: str) -> str:
        await asked(wire, "engine.use", base=base)
        cards = {card["id"]: card for card in (await heard(wire, "copilots"))["copilots"]}
        await switched(wire)
        return str(cards["legal/lease"]["mode"])

    assert [await mode_with("tiny"), await mode_with("two")] == ["tuned", "instructed"]


async def test_one_switch_at_a_time(tmp_path: Path) -> None:
    harness = harness_with(tmp_path, Engines(), "two")
    wire, _ = await harness.connect()
    await open_page(wire)
    harness.engine.gate.clear()
    wire.say(ask("r1"))
    await heard(wire, "run.passages")

    await asked(wire, "engine.use", base="two")
    refused = await asked(wire, "engine.use", base="two")
    harness.engine.gate.set()

    assert refused["code"] == "engine_switching"


async def test_a_switch_goes_on_when_the_panel_has_closed(tmp_path: Path) -> None:
    harness = harness_with(tmp_path, Engines(), "two")
    wire, _ = await harness.connect()

    await asked(wire, "engine.use", base="two")
    wire.leave()

    await eventually(lambda: harness.connections.parts.engine.info.name == "two", timeout_s=SLOW_S)


async def test_a_base_that_is_not_here_or_too_large_is_refused(tmp_path: Path) -> None:
    harness = harness_with(tmp_path, Engines())
    large = write_base(harness.settings, "large")
    with (large / "model.safetensors").open("r+b") as file:
        file.truncate(2**43)  # sparse: it takes no room
    wire, _ = await harness.connect()

    assert (await asked(wire, "engine.use", base="absent"))["code"] == "base_missing"
    assert (await asked(wire, "engine.use", base="../config"))["code"] == "base_missing"
    assert (await asked(wire, "engine.use", base="large"))["code"] == "base_memory"


async def test_nothing_is_switched_under_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = harness_with(tmp_path, Engines(), "two")
    wire, _ = await harness.connect()
    monkeypatch.setattr(type(harness.connections.trainings), "running", "legal/lease")

    assert (await asked(wire, "engine.use", base="two"))["code"] == "engine_training"


async def test_the_choice_is_kept_for_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = harness_with(tmp_path, Engines(), "two")
    wire, _ = await harness.connect()

    await asked(wire, "engine.use", base="two")
    await switched(wire)
    folders = {"user_dir": harness.settings.user_dir, "config_dir": harness.settings.config_dir}

    assert load_settings(**folders).base == "two"
    assert load_settings(**folders, base="three").base == "three"  # what the command line names wins
    assert load_settings(**folders, engine_pinned=True).base != "two"
    monkeypatch.setenv("RETINUE_BASE", "four")
    assert load_settings(**folders).base == "four"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"engine": "local"}', json.dumps({"engine": "x", "base": "two"})])
def test_a_damaged_choice_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "engine.json").write_text(content)

    assert load_settings(user_dir=tmp_path, config_dir=tmp_path).base == "SmolLM2-135M-Instruct"


async def test_the_server_ends_in_the_middle_of_a_switch(tmp_path: Path) -> None:
    harness = harness_with(tmp_path, Engines(), "two")
    wire, _ = await harness.connect()
    await open_page(wire)
    harness.engine.gate.clear()
    wire.say(ask("r1"))
    await heard(wire, "run.passages")
    await asked(wire, "engine.use", base="two")

    async with asyncio.timeout(5):
        await harness.connections.shut_down()

    assert harness.connections.parts.engine is harness.engine


async def test_without_a_way_to_make_engines_all_is_pinned(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    write_base(harness.settings, "two")
    wire, _ = await harness.connect()

    assert (await state(wire))["pinned"] is True
    assert (await asked(wire, "engine.use", base="two"))["code"] == "engine_pinned"
