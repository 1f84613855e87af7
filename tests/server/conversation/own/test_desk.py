"""One's own copilots over the socket: got, checked, saved, tried, exported, deleted, brought back, by two windows."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.fakes import FakeWire, Harness, ask, decode, page_open

ID = "legal/lease-reader"
DRAFT: dict[str, Any] = {
    "copilot": ID, "name": "Lease Reader", "promise": "Reads leases.", "instructions": "Say it, then quote it.",
    "starters": ["Who pays?"], "hints": ["lease"],
    "checks": [{"check": "must_end_with", "parameters": {"text": "Bye."}}],
}  # fmt: skip


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    one = Harness(tmp_path, keeps=True)
    yield one
    await end(one)


async def end(harness: Harness) -> None:
    await harness.connections.shut_down()
    if harness.keeper is not None:
        await harness.keeper.close()


async def asked(wire: FakeWire, type_: str, **fields: Any) -> dict[str, Any]:
    """What answers a request."""
    wire.say({"type": type_, "request": "q1", **fields})
    while True:
        frame = await wire.next(timeout_s=30)  # a PDF is read by a process of its own
        if frame.get("request") == "q1":
            return frame


async def changed(wire: FakeWire, type_: str, **fields: Any) -> dict[str, dict[str, Any]]:
    """The list that comes before the answer."""
    wire.say({"type": type_, "request": "q1", **fields})
    cards = await listed(wire)
    assert (await wire.next())["request"] == "q1"
    return cards


async def listed(wire: FakeWire) -> dict[str, dict[str, Any]]:
    return {card["id"]: card for card in (await wire.next("copilots"))["copilots"]}


async def test_a_saved_copilot_is_in_every_window_at_once_and_answers(harness: Harness) -> None:
    one, two = (await harness.connect())[0], (await harness.connect())[0]
    saved = await asked(one, "copilot.save", draft=DRAFT)

    assert (saved["type"], saved["copilot"], saved["shadows"]) == ("copilot.saved", ID, False)
    card = (await listed(two))[ID]
    assert (card["own"], card["name"], card["category_name"]) == (True, "Lease Reader", "Legal")
    two.say(page_open())
    two.say(ask(copilot=ID))
    assert (await two.next("run.done"))["checks"][0]["name"] == "must_end_with: Bye."


async def test_what_was_saved_is_got_again_and_one_that_ships_can_be_copied(harness: Harness) -> None:
    wire, _ = await harness.connect()
    saved = await asked(wire, "copilot.save", draft=DRAFT)
    own = await asked(wire, "copilot.get", copilot=ID)
    shipped = await asked(wire, "copilot.get", copilot="legal/lease")

    assert (own["draft"], own["seen"]) == (DRAFT, saved["seen"])
    assert (own["state"]["exists"], own["state"]["shadows"]) == (True, False)
    assert (shipped["draft"]["name"], shipped["seen"], shipped["state"]["shadows"]) == ("Lease", None, True)


async def test_the_name_of_one_that_ships_says_so_and_takes_its_place(harness: Harness) -> None:
    wire, _ = await harness.connect()
    draft = DRAFT | {"copilot": "legal/lease"}

    assert (await asked(wire, "copilot.check", draft=draft))["state"]["shadows"]
    assert (await changed(wire, "copilot.save", draft=draft))["legal/lease"]["name"] == "Lease Reader"
    card = (await changed(wire, "copilot.delete", copilot="legal/lease"))["legal/lease"]
    assert (card["name"], card["own"]) == ("Lease", False)


async def test_a_draft_is_checked_without_being_written(harness: Harness, tmp_path: Path) -> None:
    wire, _ = await harness.connect()
    state = (await asked(wire, "copilot.check", draft=DRAFT | {"name": "", "instructions": "x" * 385}))["state"]

    assert [(fault["field"], fault["code"]) for fault in state["faults"]] == [
        ("name", "copilot_invalid"), ("instructions", "copilot_too_long"),
    ]  # fmt: skip
    assert (state["tokens"], state["tokens_max"]) == (385, 384)
    assert not (tmp_path / "user" / "copilots").exists()


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"copilot": "../x"}, "copilot", "copilot_name"),
        ({"instructions": "x" * 385}, "instructions", "copilot_too_long"),
        ({"checks": [{"check": "none", "parameters": {}}]}, "checks.0", "copilot_invalid"),
        ({"name": "\u202e"}, "name", "copilot_characters"),
    ],
)
async def test_a_bad_draft_is_neither_saved_nor_tried(
    harness: Harness, tmp_path: Path, fields: dict[str, Any], field: str, code: str
) -> None:
    wire, _ = await harness.connect()
    refused = await asked(wire, "copilot.save", draft=DRAFT | fields)
    wire.say(page_open())
    wire.say(ask(draft=DRAFT | fields))
    failed = await wire.next("run.error")

    assert (refused["type"], refused["code"], refused["field"]) == ("error", code, field)
    assert failed["code"] == code
    assert not (tmp_path / "user" / "copilots").exists()


async def test_a_draft_is_tried_on_the_page_and_leaves_nothing(harness: Harness, tmp_path: Path) -> None:
    wire, _ = await harness.connect()
    wire.say(page_open())
    wire.say(ask(draft=DRAFT, copilot=ID, thread="t1"))
    start, done = await wire.next("run.start"), await wire.next("run.done")

    assert (start["copilot"], start["mode"]) == (ID, "instructed")
    assert [check["name"] for check in done["checks"]] == ["must_end_with: Bye."]
    assert "Say it, then quote it." in decode(harness.engine.requests[0].turn)
    assert not (tmp_path / "user" / "copilots").exists()
    assert (await asked(wire, "threads.list"))["threads"] == []


async def test_two_windows_cannot_overwrite_each_other(harness: Harness) -> None:
    one, two = (await harness.connect())[0], (await harness.connect())[0]
    first = (await asked(one, "copilot.save", draft=DRAFT))["seen"]
    second = await asked(two, "copilot.save", draft=DRAFT | {"promise": "Two."}, seen=first)
    third = await asked(one, "copilot.save", draft=DRAFT | {"promise": "One."}, seen=first)

    assert (second["type"], third["code"]) == ("copilot.saved", "copilot_edited")
    assert (await asked(one, "copilot.get", copilot=ID))["draft"]["promise"] == "Two."


async def test_a_deletion_is_undone_until_its_time_is_over(tmp_path: Path) -> None:
    harness = Harness(tmp_path, own_undo_s=0.3)
    wire, _ = await harness.connect()
    await asked(wire, "copilot.save", draft=DRAFT)
    assert ID not in await changed(wire, "copilot.delete", copilot=ID)
    assert ID in await changed(wire, "copilot.restore", copilot=ID)
    await asked(wire, "copilot.delete", copilot=ID)
    await harness.connections.own_desk.idle()

    assert (await asked(wire, "copilot.restore", copilot=ID))["code"] == "copilot_unknown"
    await end(harness)


async def test_a_file_is_exported_and_imported_without_being_saved(harness: Harness, tmp_path: Path) -> None:
    wire, _ = await harness.connect()
    await asked(wire, "copilot.save", draft=DRAFT)
    file = await asked(wire, "copilot.export", copilot=ID)
    await asked(wire, "copilot.delete", copilot=ID)
    got = await asked(wire, "copilot.import", text=file["text"])

    assert file["name"] == "lease-reader.copilot.toml"
    assert (got["draft"], got["seen"], got["state"]["exists"]) == (DRAFT, None, False)
    assert not (tmp_path / "user" / "copilots" / ID).exists()
    assert (await asked(wire, "copilot.import", text="nothing"))["code"] == "copilot_refused"


@pytest.mark.parametrize(("waiting", "refused"), [(1, 0), (2, 0), (3, 1)])
async def test_the_requests_that_wait_have_a_limit(tmp_path: Path, waiting: int, refused: int) -> None:
    harness = Harness(tmp_path, own_requests_max=2)
    wire, _ = await harness.connect()
    for n in range(waiting):
        wire.say({"type": "copilot.check", "request": f"q{n}", "draft": DRAFT})

    answers = [await wire.next() for _ in range(waiting)]
    assert sum(answer.get("code") == "busy" for answer in answers) == refused
    await end(harness)


async def test_a_full_disk_is_said_in_a_sentence(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("server.catalog.own.shelf.replace_file", full)
    wire, _ = await harness.connect()

    assert (await asked(wire, "copilot.save", draft=DRAFT))["code"] == "disk_full"
