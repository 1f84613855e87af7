"""Teaching over the socket: refused from inside a web page; corrections judged, kept, listed, changed; versions."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.engine import AdapterRef
from tests.server.fakes import FakeWire, Harness, ask, page_open

COPILOT = "legal/lease"
URL = "https://a.example/lease?utm_source=x#part"
GOOD = 'It is two years. "The term is two years." [2]'


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    one = Harness(tmp_path, keeps=True)
    yield one
    await one.connections.shut_down()
    assert one.keeper is not None
    await one.keeper.close()


async def connect(harness: Harness, **fields: Any) -> FakeWire:
    wire, _ = await harness.connect()
    wire.say(page_open() | {"url": URL} | fields)
    await wire.next("page.ready")
    return wire


async def asked(wire: FakeWire, type_: str, **fields: Any) -> dict[str, Any]:
    wire.say({"type": type_, "request": "q1", "place": "side", **fields})
    while True:
        frame = await wire.next()
        if frame.get("request") == "q1":
            return frame


async def keep(wire: FakeWire, question: str = "How long?", corrected: str = GOOD, **fields: Any) -> dict[str, Any]:
    whole = {"copilot": COPILOT, "page": "p1", "question": question, "answer": "One year.", "corrected": corrected}
    return await asked(wire, "correction.keep", **(whole | fields))


ALL: dict[str, dict[str, Any]] = {
    "turn.rate": {"thread": "t", "run": "r", "thumb": "up"},
    "corrections.list": {"copilot": COPILOT},
    "correction.check": {"copilot": COPILOT, "page": "p1", "corrected": "x"},
    "correction.keep": {"copilot": COPILOT, "page": "p1", "question": "q", "answer": "a", "corrected": "x"},
    "correction.change": {"copilot": COPILOT, "correction": "a" * 16, "corrected": "x"},
    "correction.delete": {"copilot": COPILOT, "correction": "a" * 16},
    "adapters.list": {"copilot": COPILOT},
    "adapter.restore": {"copilot": COPILOT, "version": "shipped"},
}


@pytest.mark.parametrize("place", ["page", None])
@pytest.mark.parametrize("type_", [*ALL, "train.start", "train.cancel"])
async def test_nothing_is_taught_from_inside_a_web_page(
    harness: Harness, tmp_path: Path, type_: str, place: str | None
) -> None:
    wire = await connect(harness)
    fields = {"request": "q1", **ALL[type_]} if type_ in ALL else {"copilot": COPILOT}
    wire.say({"type": type_, **fields, **({"place": place} if place else {})})
    refused = await wire.next("error")
    assert (refused["code"], refused["request"]) == ("teach_in_page", "q1" if type_ in ALL else None)
    assert not (tmp_path / "user" / "teaching").exists()


async def test_a_correction_is_kept_with_its_page_and_every_client_hears_of_it(
    harness: Harness, tmp_path: Path
) -> None:
    wire, (other, _) = await connect(harness), await harness.connect()
    kept = await keep(wire)
    assert kept["type"] == "correction.kept"
    assert (await other.next("corrections.changed"))["copilot"] == COPILOT

    listed = await asked(wire, "corrections.list", copilot=COPILOT)
    [card] = listed["corrections"]
    assert card == kept["correction"]
    assert (card["title"], card["address"], card["used"]) == ("Lease", "https://a.example/lease", "no")
    assert (listed["total"], listed["next"], listed["unused"]) == (1, None, 1)
    [page] = (tmp_path / "user" / "teaching" / "pages").iterdir()
    assert json.loads(page.read_text())["blocks"] == ["Lease", "The term is two years."]


async def test_what_is_not_on_the_page_is_named_and_not_kept(harness: Harness) -> None:
    wire = await connect(harness)
    wrong = 'It is "ten years" [2], not "two years" [2].'
    checked = await asked(wire, "correction.check", copilot=COPILOT, page="p1", question="q", corrected=wrong)
    assert [(quote["text"], quote["verified"]) for quote in checked["quotes"]] == [
        ("ten years", False), ("two years", True),
    ]  # fmt: skip
    assert checked["fits"] is False
    refused = await keep(wire, corrected=wrong)
    assert (refused["code"], refused["message"]) == (
        "teach_quote", "The quotation “ten years” is not in this page. Copy it word for word, or take it out.",
    )  # fmt: skip
    good = await asked(wire, "correction.check", copilot=COPILOT, page="p1", corrected=GOOD)
    assert good["fits"] is True
    assert {check["name"]: check["passed"] for check in good["checks"]} == dict.fromkeys(
        [check["name"] for check in good["checks"]], True
    )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"corrected": "  \n"}, "teach_empty"),
        ({"page": "p9"}, "page_unknown"),
        ({"copilot": "legal/none"}, "copilot_unknown"),
        ({"corrected": "x" * 4_001}, "bad_frame"),
        ({"question": ""}, "bad_frame"),
    ],
)
async def test_what_cannot_be_a_correction_is_refused(harness: Harness, fields: dict[str, Any], code: str) -> None:
    wire = await connect(harness)
    whole = {"copilot": COPILOT, "page": "p1", "question": "q", "answer": "a", "corrected": GOOD} | fields
    wire.say({"type": "correction.keep", "request": "q1", "place": "tab", **whole})
    assert (await wire.next("error"))["code"] == code


async def test_a_private_page_is_kept_only_when_the_user_says_so(harness: Harness, tmp_path: Path) -> None:
    wire = await connect(harness, private=True)
    assert (await keep(wire))["code"] == "teach_private"
    assert not (tmp_path / "user" / "teaching").exists()
    assert (await keep(wire, although_private=True))["type"] == "correction.kept"


async def test_a_correction_is_changed_against_its_own_page_and_deleted(harness: Harness, tmp_path: Path) -> None:
    wire = await connect(harness)
    name = (await keep(wire))["correction"]["id"]
    wire.say({"type": "page.close", "page": "p1"})
    about = {"copilot": COPILOT, "correction": name}
    checked = await asked(wire, "correction.check", **about, corrected='"never"')
    assert checked["fits"] is False
    assert (await asked(wire, "correction.change", **about, corrected='"never"'))["code"] == "teach_quote"
    changed = await asked(wire, "correction.change", **about, corrected='"two years" [2]')
    assert changed["correction"]["corrected"] == '"two years" [2]'
    assert (await asked(wire, "correction.delete", **about))["type"] == "teach.done"
    assert (await asked(wire, "correction.delete", **about))["code"] == "correction_unknown"
    assert list((tmp_path / "user" / "teaching").rglob("*.json")) == []


async def test_the_list_comes_in_pages(tmp_path: Path) -> None:
    wire = await connect(Harness(tmp_path, kept_rows_max=2))
    for number in range(3):
        await keep(wire, question=f"Question {number}?")
    first = await asked(wire, "corrections.list", copilot=COPILOT)
    rest = await asked(wire, "corrections.list", copilot=COPILOT, skip=first["next"])
    questions = [one["question"] for one in [*first["corrections"], *rest["corrections"]]]
    assert sorted(questions) == [f"Question {number}?" for number in range(3)]
    assert (first["next"], first["total"], rest["next"]) == (2, 3, None)


async def test_a_thumb_is_kept_and_exported_with_its_turn(harness: Harness) -> None:
    wire = await connect(harness)
    wire.say(ask("r1", thread="t1"))
    await wire.next("threads.changed")
    assert (await asked(wire, "turn.rate", thread="t1", run="r1", thumb="down"))["type"] == "teach.done"
    [turn] = (await asked_thread(wire, "thread.open"))["turns"]
    assert turn["thumb"] == "down"
    assert "Rated: down" in (await asked_thread(wire, "thread.export", format="markdown"))["text"]
    assert '"thumb": "down"' in (await asked_thread(wire, "thread.export", format="json"))["text"]
    await asked(wire, "turn.rate", thread="t1", run="r1", thumb=None)
    [turn] = (await asked_thread(wire, "thread.open"))["turns"]
    assert turn["thumb"] is None
    assert (await asked(wire, "turn.rate", thread="t1", run="r9", thumb="up"))["code"] == "thread_unknown"


async def asked_thread(wire: FakeWire, type_: str, **fields: Any) -> dict[str, Any]:
    wire.say({"type": type_, "request": "q2", "thread": "t1", **fields})
    while True:
        frame = await wire.next()
        if frame.get("request") == "q2":
            return frame


async def test_versions_are_listed_and_brought_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.catalog.copilots.check_files", lambda folder, *, bytes_max: None)
    harness = Harness(tmp_path, check_adapter=lambda folder, base: AdapterRef("", folder, "digest"))
    own = tmp_path / "user" / "copilots" / COPILOT / "_adapters" / "fake"
    for folder, text in ((own, "new"), (own.parent / ".versions" / "fake" / "0001", "old")):
        folder.mkdir(parents=True)
        (folder / "lock.json").write_text(text)
    wire = await connect(harness)

    async def versions() -> list[tuple[str, bool]]:
        listed = await asked(wire, "adapters.list", copilot=COPILOT)
        return [(one["id"], one["in_use"]) for one in listed["versions"]]

    assert await versions() == [("now", True), ("0001", False), ("shipped", False)]
    assert (await asked(wire, "adapter.restore", copilot=COPILOT, version="0001"))["type"] == "teach.done"
    assert (own / "lock.json").read_text() == "old"
    assert (await asked(wire, "adapter.restore", copilot=COPILOT, version="shipped"))["type"] == "teach.done"
    assert not own.exists()
    assert sorted(await versions()) == [("0001", False), ("0002", False), ("shipped", True)]
    assert (await asked(wire, "adapter.restore", copilot=COPILOT, version="0009"))["code"] == "copilot_no_version"
