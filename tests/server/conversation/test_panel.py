"""One question to several copilots: taken or refused together, answered, ended and kept one by one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from server.conversation.outbox import Outbox
from server.conversation.session import Session
from server.errors import RunError
from server.protocol import PANEL_MAX
from tests.server.fakes import FakeEngine, Harness, give, opened, settle, until, write_copilot

NAMES = ("lease", "terms", "letters", "notices", "rents", "loans")


def harness_of(tmp_path: Path, engine: FakeEngine | None = None, **fields: Any) -> Harness:
    harness = Harness(tmp_path, engine, **fields)
    for name in NAMES[1:]:
        write_copilot(harness.settings.adapters_dir, f"legal/{name}")
    harness.copilots.refresh()
    return harness


def members(count: int = 3) -> list[dict[str, Any]]:
    return [{"run": f"r{n}", "copilot": f"legal/{name}"} for n, name in enumerate(NAMES[:count])]


def panel_ask(count: int = 3, **fields: Any) -> dict[str, Any]:
    question = "How long is the term?"
    return {"type": "panel.ask", "group": "g1", "members": members(count), "page": "p1", "question": question, **fields}


async def ends_of(outbox: Outbox, count: int) -> dict[str, Any]:
    """The last event of each run."""
    ends: dict[str, Any] = {}
    async with asyncio.timeout(3):
        while len(ends) < count:
            frame: Any = await outbox.get()
            if frame.type in ("run.done", "run.error"):
                ends[frame.run] = frame
    return ends


def codes_of(ends: dict[str, Any]) -> list[str | None]:
    return [getattr(ends[run], "code", None) for run in sorted(ends)]


async def asked(harness: Harness, **fields: Any) -> tuple[Session, Outbox]:
    session, outbox = await opened(harness)
    give(session, panel_ask(**fields))
    return session, outbox


async def test_each_copilot_answers_in_a_run_of_its_own_over_one_reading(tmp_path: Path) -> None:
    harness = harness_of(tmp_path)
    session, outbox = await opened(harness)

    give(session, panel_ask())
    frames: dict[str, list[Any]] = {f"r{n}": [] for n in range(3)}
    while sum(len(seen) > 0 and seen[-1].type == "run.done" for seen in frames.values()) < 3:
        frame: Any = await outbox.get()
        frames[frame.run].append(frame)

    for run, seen in frames.items():
        assert [frame.seq for frame in seen] == list(range(len(seen)))
        assert seen[0].copilot == f"legal/{NAMES[int(run[1:])]}"
        assert seen[-1].answer == harness.engine.script
        assert seen[-1].quotes[0].block == 2
        assert [check.name for check in seen[-1].checks] == ["quotes_verbatim"]
    assert len(harness.engine.open_pages) == 1
    assert {request.page.ids for request in harness.engine.requests} == {harness.engine.open_pages[0].ids}


async def test_each_sees_the_earlier_turns_that_are_its_own(tmp_path: Path) -> None:
    harness = harness_of(tmp_path)
    own = [one | {"history": [{"question": "Who?", "answer": one["copilot"]}]} for one in members(2)]
    session, outbox = await asked(harness, members=own)
    await ends_of(outbox, 2)

    said = sorted(bytes(token for token in request.history if token < 256) for request in harness.engine.requests)
    assert b"legal/lease" in said[0] and b"legal/terms" not in said[0]
    assert b"legal/terms" in said[1]
    await session.close()


@pytest.mark.parametrize(
    ("count", "code"), [(1, "panel_too_few"), (2, None), (PANEL_MAX, None), (PANEL_MAX + 1, "panel_too_many")]
)
async def test_a_panel_has_two_to_five_copilots(tmp_path: Path, count: int, code: str | None) -> None:
    session, outbox = await asked(harness_of(tmp_path), count=count)

    assert codes_of(await ends_of(outbox, count)) == [code] * count
    await session.close()


async def test_a_copilot_stands_in_a_panel_once(tmp_path: Path) -> None:
    twice = [{"run": "r0", "copilot": "legal/lease"}, {"run": "r1", "copilot": "legal/lease"}]
    session, outbox = await asked(harness_of(tmp_path), members=twice)
    assert codes_of(await ends_of(outbox, 2)) == ["panel_doubled"] * 2

    give(session, panel_ask(members=[{"run": "r0", "copilot": f"legal/{name}"} for name in NAMES[:2]]))
    assert codes_of(await ends_of(outbox, 1)) == ["panel_doubled"]
    assert not session._runs
    await session.close()


async def test_one_that_is_not_there_fails_and_the_others_answer(tmp_path: Path) -> None:
    wanted = [*members(2), {"run": "r2", "copilot": "legal/nobody"}]
    session, outbox = await asked(harness_of(tmp_path), members=wanted)

    assert codes_of(await ends_of(outbox, 3)) == [None, None, "copilot_unknown"]
    await session.close()


async def test_one_that_fails_in_the_engine_leaves_the_others_alone(tmp_path: Path) -> None:
    class OneFails(FakeEngine):
        async def generate(self, request: Any) -> Any:
            if len(self.requests) == 1:
                self.requests.append(request)
                raise RunError("No memory.", code="run_out_of_memory")
            async for event in super().generate(request):
                yield event

    session, outbox = await asked(harness_of(tmp_path, OneFails()))

    assert sorted(code or "" for code in codes_of(await ends_of(outbox, 3))) == ["", "", "run_out_of_memory"]
    await session.close()


@pytest.mark.parametrize(("places", "code"), [(2, "busy"), (3, None)])
async def test_all_get_a_place_or_none(tmp_path: Path, places: int, code: str | None) -> None:
    session, outbox = await asked(harness_of(tmp_path, runs_per_socket_max=places))

    ends = await ends_of(outbox, 3)

    assert codes_of(ends) == [code] * 3
    assert code is None or ends["r0"].retry_after_ms
    await session.close()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"page": "p9"}, "page_unknown"),
        ({"question": " "}, "question_empty"),
        ({"max_tokens": 9_999}, "answer_too_long"),
    ],
)
async def test_what_is_wrong_with_the_question_refuses_all(tmp_path: Path, fields: Any, code: str) -> None:
    session, outbox = await asked(harness_of(tmp_path), **fields)

    assert codes_of(await ends_of(outbox, 3)) == [code] * 3
    await session.close()


async def test_one_is_stopped_and_the_others_go_on(tmp_path: Path) -> None:
    harness = harness_of(tmp_path)
    session, outbox = await opened(harness)
    harness.engine.gate.clear()
    give(session, panel_ask())
    for _ in range(3):
        await until(outbox, "run.passages")

    give(session, {"type": "cancel", "run": "r1"})
    stopped, _ = await until(outbox, "run.done")
    harness.engine.gate.set()
    ends = await ends_of(outbox, 2)

    assert (stopped.run, stopped.reason) == ("r1", "cancelled")
    assert {run: end.reason for run, end in ends.items()} == {"r0": "stop", "r2": "stop"}
    await session.close()


async def test_a_client_that_comes_back_resumes_every_answer_and_asking_again_changes_nothing(tmp_path: Path) -> None:
    harness = harness_of(tmp_path)
    session, outbox = await opened(harness)
    harness.engine.gate.clear()
    give(session, panel_ask())
    for _ in range(3):
        await until(outbox, "run.passages")
    session.detach(outbox)
    harness.engine.gate.set()
    await settle(200)

    again = Outbox(events_max=harness.settings.outbox_events_max)
    session.attach(again, {"r0": 1, "r1": 0, "r2": -1})
    give(session, panel_ask())
    frames: list[Any] = []
    while sum(frame.type == "run.done" for frame in frames) < 3:
        frames.append(await again.get())

    for run, first in (("r0", 2), ("r1", 1), ("r2", 0)):
        seqs = [frame.seq for frame in frames if getattr(frame, "run", "") == run]
        assert seqs == list(range(first, first + len(seqs)))
    assert len(harness.engine.requests) == 3
    await session.close()


async def test_without_a_page_the_instructions_of_each_answer(tmp_path: Path) -> None:
    harness = harness_of(tmp_path)
    session, outbox = harness.session()
    give(session, panel_ask(page=None))

    assert codes_of(await ends_of(outbox, 3)) == [None] * 3
    await settle()
    assert harness.engine.open_pages == []
    await session.close()
