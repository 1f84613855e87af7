"""Threads and turns in a real file: what is kept, in which order, up to which limits, and what a deletion leaves."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from server.conversation.threads.database import open_database
from server.conversation.threads.store import Store
from server.conversation.threads.tables import Base
from server.errors import RetinueError
from tests.server.conversation.threads.history import (
    ADDRESS,
    DAY_MS,
    QUOTE,
    Clock,
    bytes_of,
    database,
    new_turn,
    open_store,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def code_of(action: object) -> str:
    with pytest.raises(RetinueError) as refusal:
        action()  # type: ignore[operator]
    return refusal.value.code


def names(store: Store) -> list[str]:
    return [card.id for card in store.cards()[0]]


def test_a_turn_comes_back_as_it_was_kept(store: Store) -> None:
    store.append(new_turn())

    [turn] = store.turns("t1")
    assert turn == new_turn().turn
    assert turn.quotes == [QUOTE]
    card = store.card("t1")
    assert (card.address, card.title, card.name, card.turns) == (ADDRESS, "Lease", "", 1)


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    first.append(new_turn())
    first.append(new_turn(question="And then?"))
    first.close()

    second = open_store(tmp_path)
    assert [turn.question for turn in second.turns("t1")] == ["How long?", "And then?"]
    second.close()


def test_only_this_user_may_read_the_file(store: Store, tmp_path: Path) -> None:
    store.append(new_turn())

    folder = database(tmp_path).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_the_migrations_make_the_tables_that_the_program_knows(tmp_path: Path) -> None:
    engine = open_database(tmp_path, stamp="now", aside=lambda file, saved: None)
    ours = set(Base.metadata.tables)
    options = {"include_object": lambda thing, name, kind, *_: kind != "table" or name in ours}
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
    engine.dispose()


def test_pinned_threads_come_first_then_the_newest(store: Store) -> None:
    for n, thread in enumerate("abc"):
        store.append(new_turn(thread, ended_ms=n))
    store.pin("a", True)

    assert names(store) == ["a", "c", "b"]


def test_a_list_comes_in_pages_and_for_one_page(tmp_path: Path) -> None:
    store = open_store(tmp_path, kept_rows_max=2)
    for n, thread in enumerate("abc"):
        store.append(new_turn(thread, ended_ms=n, address=f"https://a.example/{thread}"))

    assert ([card.id for card in store.cards()[0]], store.cards()[1]) == (["c", "b"], 3)
    assert [card.id for card in store.cards(skip=2)[0]] == ["a"]
    assert [card.id for card in store.cards(address="https://a.example/b")[0]] == ["b"]
    store.close()


@pytest.mark.parametrize(("turns", "sent"), [(2, [0, 1]), (3, [0, 1, 2]), (4, [1, 2, 3])])
def test_the_last_turns_come_first_and_the_earlier_ones_on_request(tmp_path: Path, turns: int, sent: list[int]) -> None:
    store = open_store(tmp_path, kept_rows_max=3)
    for _ in range(turns):
        store.append(new_turn())

    assert [turn.position for turn in store.turns("t1")] == sent
    assert [turn.position for turn in store.turns("t1", before=sent[0])] == list(range(sent[0]))
    assert len(store.turns("t1", whole=True)) == turns
    store.close()


def test_a_thread_is_renamed_pinned_and_found_under_both_names(store: Store) -> None:
    store.append(new_turn())

    store.rename("t1", "  Flat in Kreuzberg ")
    assert store.card("t1").name == "Flat in Kreuzberg"
    assert [found.thread.id for found in store.search("kreuzberg")] == ["t1"]
    assert [found.thread.id for found in store.search("lease")] == ["t1"]
    store.rename("t1", "")
    assert store.search("kreuzberg") == []


@pytest.mark.parametrize("action", ["card", "turns", "rename", "pin", "delete"])
def test_a_thread_that_is_not_there_is_named_by_a_code(store: Store, action: str) -> None:
    more = {"rename": ("x",), "pin": (True,)}.get(action, ())

    assert code_of(lambda: getattr(store, action)("none", *more)) == "thread_unknown"


def test_a_deletion_can_be_undone_until_it_is_purged(store: Store) -> None:
    clock = store._now_ms()
    store.append(new_turn())
    store.delete("t1")
    assert (names(store), store.search("years"), code_of(lambda: store.card("t1"))) == ([], [], "thread_unknown")

    store.restore("t1")
    assert names(store) == ["t1"]
    store.delete("t1")
    assert store.purge(deleted_before_ms=clock - 1) == 0
    assert store.purge(deleted_before_ms=clock) == 1
    assert code_of(lambda: store.restore("t1")) == "thread_unknown"


@pytest.mark.parametrize("how", ["one", "all"])
def test_nothing_of_what_was_deleted_stays_on_the_disk(tmp_path: Path, how: str) -> None:
    store = open_store(tmp_path)
    for n in range(30):
        secret = "Zyzzyva" if n % 2 else "plainly"
        store.append(new_turn("secret" if n % 2 else "other", question=f"{secret} {n} " * 40, title=f"{secret} title"))
    assert b"zyzzyva" in bytes_of(tmp_path).lower()

    if how == "all":
        assert store.delete_all() == 2
    else:
        store.delete("secret")
        store.purge(deleted_before_ms=store._now_ms())

    assert b"zyzzyva" not in bytes_of(tmp_path).lower()
    assert names(store) == ([] if how == "all" else ["other"])
    assert len(store.search("plainly")) == (0 if how == "all" else 1)
    store.close()


@pytest.mark.parametrize(
    ("days", "left"), [(0, ["new", "old", "pinned"]), (29, ["new", "pinned"]), (30, ["new", "old", "pinned"])]
)
def test_old_threads_are_forgotten_but_pinned_ones_are_not(tmp_path: Path, days: int, left: list[str]) -> None:
    clock = Clock()
    store = open_store(tmp_path, clock=clock, kept_days=days)
    for thread, age in (("new", 0), ("old", 30), ("pinned", 400)):
        store.append(new_turn(thread, ended_ms=clock.ms - age * DAY_MS))
    store.pin("pinned", True)

    assert store.forget_old() == 3 - len(left)
    assert sorted(names(store)) == left
    store.close()


def test_a_turn_of_another_page_or_of_a_deleted_thread_begins_a_new_one(store: Store) -> None:
    store.append(new_turn())

    other = store.append(new_turn(address="https://b.example/"))
    store.delete("t1")
    third = store.append(new_turn())

    assert len({"t1", other, third}) == 3
    assert store.card(third).turns == 1


def test_a_turn_without_a_page_goes_on_in_its_thread(store: Store) -> None:
    store.append(new_turn())

    assert store.append(new_turn(address="")) == "t1"
    assert store.card("t1").turns == 2


@pytest.mark.parametrize(("turns", "threads"), [(2, 1), (3, 1), (4, 2)])
def test_a_full_thread_goes_on_in_a_new_one(tmp_path: Path, turns: int, threads: int) -> None:
    store = open_store(tmp_path, kept_turns_max=3)
    for _ in range(turns):
        last = store.append(new_turn())

    assert store.cards()[1] == threads
    assert store.turns(last)[-1].question == "How long?"
    store.close()


@pytest.mark.parametrize(("threads", "code"), [(2, ""), (3, ""), (4, "threads_full")])
def test_the_threads_have_a_limit_and_those_that_are_there_go_on(tmp_path: Path, threads: int, code: str) -> None:
    store = open_store(tmp_path, kept_threads_max=3)
    for n in range(threads - 1):
        store.append(new_turn(f"t{n}"))

    if code:
        assert code_of(lambda: store.append(new_turn("last"))) == code
    else:
        store.append(new_turn("last"))
    store.append(new_turn("t0"))
    assert store.card("t0").turns == 2
    store.close()


@pytest.mark.parametrize(("spare", "code"), [(1, ""), (0, ""), (-1, "threads_full")])
def test_the_bytes_have_a_limit_and_nothing_is_lost_at_it(tmp_path: Path, spare: int, code: str) -> None:
    store = open_store(tmp_path, kept_bytes_max=2 * new_turn(question="ü" * 10).bytes + spare)
    store.append(new_turn(question="ü" * 10))

    if code:
        assert code_of(lambda: store.append(new_turn(question="ü" * 10))) == code
    else:
        store.append(new_turn(question="ü" * 10))
    assert len(store.turns("t1")) == (1 if code else 2)
    store.close()
