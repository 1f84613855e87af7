"""Disks that are full, folders that cannot be written, files that are damaged: nothing else is lost, and it is said."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from server.conversation.threads.keeper import Keeper
from server.conversation.threads.store import Store
from server.errors import RetinueError
from server.protocol.threads import KeptTurn, ThreadsChanged
from server.settings import Settings
from tests.server.conversation.threads.history import DAY_MS, bytes_of, database, new_turn
from tests.server.fakes import eventually

DISK_S_MAX = 20.0  # a busy disk may take its time
LONG = "A very long answer indeed. " * 4_000


class Kept:
    """A keeper, what it told everybody and what it told who asked."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.now_s = 1_800_000_000.0
        settings = Settings(user_dir=folder / "user", config_dir=folder / "config", **limits)
        self.keeper = Keeper(settings, now_s=lambda: self.now_s)
        self.changes: list[ThreadsChanged] = []
        self.errors: list[str] = []
        self.keeper.listen(self.changes.append)

    async def keep(self, thread: str = "t1", **fields: Any) -> None:
        heard = len(self.changes) + len(self.errors)
        self.keeper.keep(new_turn(thread, **fields), failed=self.failed)
        await eventually(lambda: len(self.changes) + len(self.errors) > heard, timeout_s=DISK_S_MAX)

    async def turns(self, thread: str) -> list[KeptTurn]:
        return await self.keeper.do(lambda store: store.turns(thread))

    def failed(self, error: RetinueError) -> None:
        self.errors.append(error.code)

    async def threads(self) -> list[str]:
        cards, _ = await self.keeper.do(lambda store: store.cards())
        return sorted(card.id for card in cards)


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    one = Kept(tmp_path)
    yield one
    await one.keeper.close()


def pragma(value: str) -> Any:
    def run(store: Store) -> None:
        with store._engine.connect() as connection:
            connection.connection.cursor().execute(f"PRAGMA {value}")

    return run


async def test_everybody_hears_that_a_turn_was_kept(kept: Kept) -> None:
    await kept.keep()

    assert kept.changes == [ThreadsChanged(what="kept", thread="t1", kept_run="r1")]


async def test_a_full_file_loses_nothing_and_goes_on_when_there_is_room(kept: Kept) -> None:
    await kept.keep("before")
    await kept.keeper.do(pragma("max_page_count=20"))

    await kept.keep("lost", answer=LONG)
    assert kept.errors == ["threads_disk_full"]
    assert await kept.threads() == ["before"]
    await kept.keeper.do(pragma("max_page_count=100000"))
    await kept.keep("after", answer=LONG)
    assert await kept.threads() == ["after", "before"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], capture_output=True)  # noqa: S603, S607
    if mounted.returncode:
        pytest.skip("only root may mount a disk of its own")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607


async def test_a_disk_that_is_really_full_loses_no_thread(small_disk: Path) -> None:
    kept = Kept(small_disk)
    await kept.keep("before")
    while not kept.errors:
        await kept.keep("before", answer=LONG)
    turns = await kept.keeper.do(lambda store: store.turns("before"))
    await kept.keeper.close()

    assert kept.errors == ["threads_disk_full"]
    again = Kept(small_disk)
    assert await again.keeper.do(lambda store: store.turns("before")) == turns
    await again.keeper.close()


async def test_a_disk_that_is_full_from_the_start_says_so_and_no_answer_fails(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * (500 * 1024))
    kept = Kept(small_disk)

    await kept.keep()
    assert kept.errors == ["threads_disk_full"]
    (small_disk / "filler").unlink()
    await kept.keep()
    assert kept.changes
    await kept.keeper.close()


async def test_a_file_that_became_read_only_is_still_read(kept: Kept) -> None:
    await kept.keep("before")
    await kept.keeper.do(pragma("query_only=ON"))

    await kept.keep("lost")
    assert kept.errors == ["threads_read_only"]
    assert await kept.threads() == ["before"]


async def test_a_folder_that_cannot_be_written_is_named_and_tried_again(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        await kept.keep()
    assert kept.errors == ["threads_read_only"]
    await kept.keep()
    assert await kept.threads() == ["t1"]


async def test_a_data_folder_that_is_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("")
    kept = Kept(tmp_path)

    await kept.keep()
    assert kept.errors == ["threads_failed"]
    await kept.keeper.close()


@pytest.mark.parametrize("damage", ["garbage", "cut off", "a page"])
async def test_a_damaged_file_is_put_aside_whole_and_a_new_one_begun(tmp_path: Path, damage: str) -> None:
    first = Kept(tmp_path)
    await first.keep("before", answer=LONG)
    await first.keeper.close()
    file = database(tmp_path)
    whole = file.read_bytes()
    broken = {"garbage": b"no database at all" * 400, "cut off": whole[: len(whole) // 2], "a page": _scrambled(whole)}
    file.write_bytes(broken[damage])

    again = Kept(tmp_path)
    await again.keep("after")
    assert await again.threads() == ["after"]
    assert again.errors == ["threads_damaged"]
    await again.keep("after")
    assert again.errors == ["threads_damaged"], "told once"
    [aside] = file.parent.glob("threads-damaged-*.db")
    assert aside.read_bytes() == broken[damage]
    await again.keeper.close()


def _scrambled(whole: bytes) -> bytes:
    """Every page but the first is noise."""
    return whole[:4096] + bytes((byte * 7 + n) % 251 for n, byte in enumerate(whole[4096:]))


async def test_a_file_that_is_damaged_while_it_is_open_is_put_aside_and_the_turn_is_kept(
    kept: Kept, tmp_path: Path
) -> None:
    await kept.keep("before")
    await kept.keeper.do(pragma("wal_checkpoint(TRUNCATE)"))
    file = database(tmp_path)
    whole = file.read_bytes()
    with file.open("r+b") as stream:  # in place: the server holds it open
        stream.write(_scrambled(whole))
    await kept.keeper.do(pragma("shrink_memory"))

    await kept.keep("after")
    assert await kept.threads() == ["after"]
    assert kept.errors == ["threads_damaged"]
    assert list(file.parent.glob("threads-damaged-*.db"))


async def test_what_can_be_read_of_a_damaged_file_is_saved(tmp_path: Path) -> None:
    first = Kept(tmp_path)
    for n in range(12):
        await first.keep(f"t{n:02}", question=f"Question {n}?", answer=f"Answer {n}. " * 200)
    before = {name: await first.turns(name) for name in await first.threads()}
    await first.keeper.close()
    file = database(tmp_path)
    whole = bytearray(file.read_bytes())
    page = whole.index(b"Question 5?") // 4096
    whole[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
    file.write_bytes(whole)

    again = Kept(tmp_path)
    saved = await again.threads()
    assert again.keeper.take_notice() is not None
    assert 12 > len(saved) >= 8
    assert "t05" not in saved
    for name in saved:
        assert await again.turns(name) == before[name]
    found = await again.keeper.do(lambda store: store.search("question 11"))
    assert [hit.thread.id for hit in found] == ["t11"]
    await again.keep("t11")
    assert len(await again.turns("t11")) == 2
    await again.keeper.close()


async def test_a_second_damage_in_the_same_second_overwrites_nothing(tmp_path: Path) -> None:
    for content in (b"one" * 999, b"two" * 999):
        kept = Kept(tmp_path)
        database(tmp_path).parent.mkdir(parents=True, exist_ok=True)
        database(tmp_path).write_bytes(content)
        await kept.keep()
        await kept.keeper.close()

    assert {file.read_bytes()[:3] for file in database(tmp_path).parent.glob("*-damaged-*.db")} == {b"one", b"two"}


async def test_a_history_of_a_newer_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    first = Kept(tmp_path)
    await first.keep()
    await first.keeper.do(lambda store: _stamp(store, "9999"))
    await first.keeper.close()
    before = database(tmp_path).read_bytes()

    older = Kept(tmp_path)
    await older.keep("lost")
    assert older.errors == ["threads_newer"]
    assert database(tmp_path).read_bytes() == before
    await older.keeper.close()


def _stamp(store: Store, revision: str) -> None:
    with store._writing.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})


async def test_a_deletion_is_final_after_its_seconds_and_when_the_server_stops(tmp_path: Path) -> None:
    kept = Kept(tmp_path, kept_undo_s=0.05)
    for thread in ("one", "two"):
        await kept.keep(thread, question=f"Zyzzyva {thread}?")
    await kept.keeper.do(lambda store: store.delete("one"))
    kept.now_s += 1
    kept.keeper.purge_later()
    await eventually(lambda: b"Zyzzyva one" not in bytes_of(tmp_path), timeout_s=DISK_S_MAX)
    assert b"Zyzzyva two" in bytes_of(tmp_path)

    await kept.keeper.do(lambda store: store.delete("two"))
    await kept.keeper.close()
    assert b"Zyzzyva" not in bytes_of(tmp_path)


async def test_what_is_old_goes_when_the_server_starts(tmp_path: Path) -> None:
    kept = Kept(tmp_path, kept_days=7)
    await kept.keep("old", ended_ms=int(kept.now_s * 1000) - 8 * DAY_MS)
    await kept.keep("new", ended_ms=int(kept.now_s * 1000))

    kept.keeper.start()
    await eventually(lambda: ThreadsChanged(what="expired") in kept.changes, timeout_s=DISK_S_MAX)
    assert await kept.threads() == ["new"]
    await kept.keeper.close()


async def test_turns_that_wait_when_the_server_stops_are_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for n in range(5):
        kept.keeper.keep(new_turn(f"t{n}"), failed=kept.failed)
    await kept.keeper.close()

    again = Kept(tmp_path)
    assert await again.threads() == [f"t{n}" for n in range(5)]
    await again.keeper.close()


async def test_the_event_loop_never_waits_for_the_file(kept: Kept) -> None:
    release = asyncio.Event()

    def block(store: Store) -> None:
        asyncio.run(asyncio.sleep(0.2))

    waiting = asyncio.ensure_future(kept.keeper.do(block))
    kept.keeper.keep(new_turn(), failed=kept.failed)
    release.set()
    async with asyncio.timeout(0.1):
        await release.wait()
        await asyncio.sleep(0.01)
    await waiting
