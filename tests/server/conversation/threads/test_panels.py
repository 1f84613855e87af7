"""A panel's answers in the history: one thread, each with its place, also of a history from before panels."""

from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from server.conversation.threads.database import FILE, FOLDER
from server.conversation.threads.export import export
from tests.server.conversation.threads.history import new_turn, open_store
from tests.server.fakes import FakeWire, Harness, page_open, write_copilot

MEMBERS = [{"run": "r0", "copilot": "legal/lease"}, {"run": "r1", "copilot": "legal/terms"}]
ASK = {"type": "panel.ask", "group": "g1", "members": MEMBERS, "page": "p1", "question": "How long?"}


async def turns_of(wire: FakeWire, thread: str) -> list[dict[str, Any]]:
    wire.say({"type": "thread.open", "request": "q", "thread": thread})
    turns: list[dict[str, Any]] = (await wire.next("thread.opened"))["turns"]
    return turns


async def test_the_answers_of_a_panel_are_kept_in_one_thread_with_their_places(tmp_path: Path) -> None:
    harness = Harness(tmp_path, keeps=True)
    write_copilot(harness.settings.adapters_dir, "legal/terms")
    wire, _ = await harness.connect()
    wire.say(page_open())
    wire.say(ASK)
    first, second = await wire.next("threads.changed"), await wire.next("threads.changed")
    again = MEMBERS[1] | {"run": "r2"}
    question = {"type": "ask", "page": "p1", "question": "How long?", "thread": first["thread"], "attempt": 1}
    wire.say(question | again | {"panel": {"group": "g1", "place": 1}})
    await wire.next("threads.changed")

    turns = await turns_of(wire, first["thread"])

    assert first["thread"] == second["thread"]
    assert sorted((turn["run"], turn["panel"]["group"], turn["panel"]["place"]) for turn in turns) == [
        ("r0", "g1", 0), ("r1", "g1", 1), ("r2", "g1", 1),
    ]  # fmt: skip
    await harness.connections.shut_down()
    assert harness.keeper is not None
    await harness.keeper.close()


def test_a_history_from_before_panels_is_opened_and_goes_on(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append(new_turn())
    store.close()
    with create_engine(f"sqlite:///{tmp_path / 'user' / FOLDER / FILE}").begin() as connection:
        connection.execute(text("ALTER TABLE turns DROP COLUMN panel"))
        connection.execute(text("ALTER TABLE turns DROP COLUMN thumb"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    store = open_store(tmp_path)
    store.append(new_turn(run="r2", panel={"group": "g1", "place": 0}))

    assert [turn.panel and turn.panel.group for turn in store.turns("t1")] == [None, "g1"]
    assert [hit.thread.id for hit in store.search("runs")] == ["t1"]


def test_the_question_of_a_panel_stands_once_in_its_export(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for place in (0, 1):
        store.append(new_turn(run=f"r{place}", panel={"group": "g1", "place": place}))
    store.append(new_turn(run="r9"))

    _, markdown = export(store.card("t1"), store.turns("t1"), form="markdown")

    assert markdown.count("## How long?") == 2
    assert markdown.count("It runs for") == 3
