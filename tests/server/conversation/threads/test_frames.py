"""Kept threads over the socket: asked, listed, found, opened, changed and deleted, with two clients who see it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.conversation.threads.history import bytes_of
from tests.server.fakes import FakeEngine, FakeWire, Harness, ask, page_open

URL = "https://a.example/lease"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    one = Harness(tmp_path, keeps=True)
    yield one
    await end(one)


async def end(harness: Harness) -> None:
    await harness.connections.shut_down()
    assert harness.keeper is not None
    await harness.keeper.close()


async def connect(harness: Harness, page: str = "p1", **fields: Any) -> FakeWire:
    wire, ready = await harness.connect()
    assert ready["history"] is True
    wire.say(page_open(page) | {"url": URL, "title": "The  lease"} | fields)
    await wire.next("page.ready")
    return wire


async def answered(wire: FakeWire, run: str = "r1", **fields: Any) -> str:
    """The thread in which the answer was kept."""
    wire.say(ask(run, **fields))
    await wire.next("run.done")
    changed = await wire.next("threads.changed")
    assert (changed["what"], changed["kept_run"]) == ("kept", run)
    return str(changed["thread"])


async def asked(wire: FakeWire, type_: str, **fields: Any) -> dict[str, Any]:
    """What answers a request."""
    wire.say({"type": type_, "request": "q1", **fields})
    while True:
        frame = await wire.next()
        if frame.get("request") == "q1":
            return frame


async def test_an_answer_is_kept_with_its_quotes_and_without_the_page(harness: Harness, tmp_path: Path) -> None:
    wire = await connect(harness, blocks=["The Lease", "The term is two years.", "Unquoted Zyzzyva."])
    thread = await answered(wire, thread="t1")

    opened = await asked(wire, "thread.open", thread=thread)
    assert (thread, opened["thread"]["title"], opened["earlier"]) == ("t1", "The lease", 0)
    [turn] = opened["turns"]
    assert (turn["answer"], turn["mode"], turn["reason"]) == (harness.engine.script, "instructed", "stop")
    assert turn["quotes"][0]["text"] == "two years"
    assert turn["quotes"][0]["block"] == 2
    assert b"zyzzyva" not in bytes_of(tmp_path).lower()


@pytest.mark.parametrize("private", ["page", "ask"])
async def test_nothing_private_is_written(harness: Harness, tmp_path: Path, private: str) -> None:
    blocks = ["Zyzzyva is two years."]
    wire = await connect(
        harness, blocks=blocks, title="Zyzzyva", url="https://zyzzyva.example/", private=private == "page"
    )
    wire.say(ask(question="Zyzzyva?", private=private == "ask", thread="zyzzyva"))
    await wire.next("run.done")

    listed = await asked(wire, "threads.list")
    assert listed["threads"] == []
    assert b"zyzzyva" not in bytes_of(tmp_path).lower()


async def test_a_thread_goes_on_and_a_new_name_begins_another(harness: Harness) -> None:
    wire = await connect(harness)
    assert [await answered(wire, f"r{n}", thread=name) for n, name in enumerate("aab")] == ["a", "a", "b"]

    listed = await asked(wire, "threads.list", address=f"{URL}?utm_source=x#part")
    assert [(card["id"], card["turns"]) for card in listed["threads"]] == [("b", 1), ("a", 2)]
    assert (listed["next"], listed["total"], listed["keep_days"], listed["address"]) == (None, 2, 0, URL)
    assert (await asked(wire, "threads.list", address="https://b.example"))["threads"] == []


async def test_a_client_that_knows_no_threads_has_one_for_each_conversation(harness: Harness) -> None:
    wire = await connect(harness)
    history = [{"question": "q", "answer": "a"}]
    first = await answered(wire, "r1")
    same = await answered(wire, "r2", history=history)
    other = await answered(wire, "r3")

    assert first == same != other


async def test_what_failed_or_was_stopped_is_kept_too(harness: Harness) -> None:
    wire = await connect(harness)
    harness.engine.fails_with = ValueError("inside")
    wire.say(ask("r1", thread="t1"))
    await wire.next("run.error")
    await wire.next("threads.changed")
    harness.engine.fails_with = None
    harness.engine.gate.clear()
    wire.say(ask("r2", thread="t1"))
    await wire.next("run.start")
    wire.say({"type": "cancel", "run": "r2"})
    await wire.next("threads.changed")

    turns = (await asked(wire, "thread.open", thread="t1"))["turns"]
    assert [(turn["code"], turn["reason"]) for turn in turns] == [("run_failed", None), (None, "cancelled")]
    harness.engine.gate.set()


async def test_two_windows_see_each_others_changes(harness: Harness) -> None:
    one, two = await connect(harness), await connect(harness)
    await answered(one, thread="t1")
    assert (await two.next("threads.changed"))["thread"] == "t1"

    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("thread.rename", "renamed", {"name": "Flat"}),
        ("thread.pin", "pinned", {"pinned": True}),
        ("thread.delete", "deleted", {}),
        ("thread.restore", "restored", {}),
    ]
    for type_, what, fields in steps:
        assert (await asked(one, type_, thread="t1", **fields))["type"] == "thread.done"
        changed = await two.next("threads.changed")
        assert (changed["what"], changed["thread"]) == (what, "t1")
    [card] = (await asked(two, "threads.list"))["threads"]
    assert (card["name"], card["pinned"]) == ("Flat", True)
    await asked(two, "threads.delete")
    changed = await one.next("threads.changed")
    while changed["what"] != "deleted" or changed["thread"] is not None:
        changed = await one.next("threads.changed")
    assert (await asked(one, "threads.list"))["threads"] == []


async def test_a_thread_is_found_and_exported(harness: Harness) -> None:
    wire = await connect(harness)
    await answered(wire, thread="t1")

    found = (await asked(wire, "threads.search", query="term"))["found"]
    assert [(hit["thread"]["id"], hit["position"]) for hit in found] == [("t1", 0)]
    assert "term" in found[0]["excerpt"]
    exported = await asked(wire, "thread.export", thread="t1", format="markdown")
    assert exported["name"] == "the-lease.md"
    assert "> two years (block 2)" in exported["text"]
    as_json = json.loads((await asked(wire, "thread.export", thread="t1", format="json"))["text"])
    assert as_json["turns"][0]["question"] == "How long is the term?"


@pytest.mark.parametrize("type_", ["thread.open", "thread.delete", "thread.restore", "thread.export", "thread.pin"])
async def test_a_thread_that_is_not_there_is_an_error_of_the_request(harness: Harness, type_: str) -> None:
    wire = await connect(harness)
    needed: dict[str, dict[str, Any]] = {"thread.export": {"format": "json"}, "thread.pin": {"pinned": True}}
    more = needed.get(type_, {})

    answer = await asked(wire, type_, thread="none", **more)
    assert (answer["type"], answer["code"]) == ("error", "thread_unknown")


async def test_where_nothing_is_kept_the_client_is_told(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    wire, ready = await harness.connect()

    assert ready["history"] is False
    assert (await asked(wire, "threads.list"))["code"] == "threads_off"
    wire.say(page_open())
    wire.say(ask())
    assert (await wire.next("run.done"))["answer"]
    await harness.connections.shut_down()


@pytest.mark.parametrize(("waiting", "refused"), [(1, 0), (2, 0), (3, 1)])
async def test_the_requests_that_wait_have_a_limit(tmp_path: Path, waiting: int, refused: int) -> None:
    harness = Harness(tmp_path, keeps=True, kept_requests_max=2)
    wire = await connect(harness)
    for n in range(waiting):
        wire.say({"type": "threads.list", "request": f"q{n}"})

    answers = [await wire.next() for _ in range(waiting)]
    assert sum(answer.get("code") == "busy" for answer in answers) == refused
    await end(harness)


async def test_an_answer_comes_although_it_cannot_be_kept_and_the_client_hears_why(tmp_path: Path) -> None:
    harness = Harness(tmp_path, FakeEngine(), keeps=True, kept_bytes_max=1)
    wire = await connect(harness)
    wire.say(ask())

    assert (await wire.next("run.done"))["answer"] == harness.engine.script
    error = await wire.next("error")
    assert (error["code"], error["page"], error["request"]) == ("threads_full", None, None)
    await end(harness)


async def test_a_damaged_file_is_told_to_the_first_who_connects_and_to_nobody_else(tmp_path: Path) -> None:
    harness = Harness(tmp_path, keeps=True)
    folder = harness.settings.user_dir / "threads"
    folder.mkdir(parents=True)
    (folder / "threads.db").write_bytes(b"garbage" * 999)
    assert harness.keeper is not None
    await harness.keeper.do(lambda store: store.cards())

    (first, _), (second, _) = await harness.connect(), await harness.connect()
    assert (await first.next("error"))["code"] == "threads_damaged"
    with pytest.raises(TimeoutError):
        await second.next("error", timeout_s=0.2)
    await end(harness)
