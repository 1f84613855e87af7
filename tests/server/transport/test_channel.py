"""One socket over an in-memory wire: order, resume, slow readers, heartbeat, goodbye."""

import asyncio
from pathlib import Path

import pytest

from tests.server.fakes import (
    KEY,
    ORIGIN,
    FakeEngine,
    Harness,
    ask,
    eventually,
    hello,
    page_open,
    settle,
    shake_hands,
)


async def test_frames_out_of_their_turn_are_counted_as_bad(tmp_path: Path) -> None:
    harness = Harness(tmp_path, bad_frames_max=3)
    wire, _ = await harness.connect()

    for frame in (hello(), b"\0", "{"):
        wire.say(frame)
    codes = [(await wire.next("error"))["code"] for _ in range(3)]
    await asyncio.gather(*harness.tasks)

    assert codes == ["out_of_order", "bad_frame", "bad_frame"]
    assert wire.closed == 1008


@pytest.mark.parametrize(("bad", "closed"), [(2, False), (3, True), (4, True)])
async def test_a_socket_may_send_some_bad_frames(tmp_path: Path, bad: int, closed: bool) -> None:
    wire, _ = await Harness(tmp_path, bad_frames_max=3).connect()
    for _ in range(bad):
        wire.say("{")
    wire.say({"type": "ping"})

    if closed:
        await eventually(lambda: wire.closed == 1008)
    else:
        await wire.next("pong")
        assert wire.closed is None


async def test_an_error_frame_does_not_repeat_what_was_sent(tmp_path: Path) -> None:
    wire, _ = await Harness(tmp_path).connect()
    wire.say({"type": "CANARY", "CANARY": "CANARY"})
    wire.say({**ask(), "CANARY": "CANARY"})

    for _ in range(2):
        assert "CANARY" not in (await wire.next("error"))["message"]


@pytest.mark.parametrize(("sockets", "let_in"), [(1, True), (2, True), (3, False)])
async def test_the_server_has_a_number_of_sockets(tmp_path: Path, sockets: int, let_in: bool) -> None:
    harness = Harness(tmp_path, sockets_max=2)
    for _ in range(sockets - 1):
        await harness.connect()

    wire = harness.knock()
    await shake_hands(wire, key=KEY)
    frame = await wire.next()

    assert (frame["type"] == "ready") is let_in
    if not let_in:
        assert frame["code"] == "busy"
        await eventually(lambda: wire.closed == 1013)


async def test_sockets_that_prove_nothing_take_no_place(tmp_path: Path) -> None:
    harness = Harness(tmp_path, sockets_max=1)
    strangers = [harness.knock() for _ in range(20)]

    await harness.connect()
    assert not any(wire.is_proven for wire in strangers)


async def test_a_free_place_can_be_taken_again(tmp_path: Path) -> None:
    harness = Harness(tmp_path, sockets_max=1)
    wire, _ = await harness.connect()
    wire.leave()
    await asyncio.gather(*harness.tasks)

    await harness.connect()


async def test_resume_loses_and_doubles_nothing(tmp_path: Path) -> None:
    engine = FakeEngine("".join(f"word{n} " for n in range(60)), piece=3)
    harness = Harness(tmp_path, engine)
    wire, ready = await harness.connect()
    wire.say(page_open())
    wire.say(ask(max_tokens=1000))
    seen, text = -1, ""
    for _ in range(4):  # the socket breaks four times; alternately the first and the latest session id is used
        for _ in range(5):
            frame = await wire.next()
            if frame["type"].startswith("run."):
                assert frame["seq"] == seen + 1
                seen, text = frame["seq"], text + frame.get("text", "")
        wire.leave()
        await settle()
        session = ready["session"]
        wire, latest = await harness.connect()
        wire.say({"type": "resume", "session": session, "seen": {"r1": seen}})
        ready = latest
    while (frame := await wire.next())["type"] != "run.done":
        if frame["type"].startswith("run."):
            assert frame["seq"] == seen + 1
            seen, text = frame["seq"], text + frame.get("text", "")

    assert frame["seq"] == seen + 1
    assert text == engine.script == frame["answer"]
    assert len(engine.requests) == 1


async def test_a_session_that_nobody_resumes_is_ended(tmp_path: Path) -> None:
    harness = Harness(tmp_path, resume_s=0.02)
    harness.engine.gate.clear()
    wire, ready = await harness.connect()
    wire.say(page_open())
    wire.say(ask())
    await wire.next("run.start")
    await eventually(lambda: harness.engine.rows == 1)

    wire.leave()
    await eventually(lambda: harness.engine.rows == 0 and not harness.engine.open_pages)

    wire, _ = await harness.connect()
    wire.say({"type": "resume", "session": ready["session"], "seen": {}})
    assert (await wire.next("error"))["code"] == "resume_unknown"


async def test_only_the_same_origin_can_resume(tmp_path: Path) -> None:
    harness, other = Harness(tmp_path), "chrome-extension://" + "b" * 32
    harness.keys.store(other, KEY)
    wire, ready = await harness.connect()
    wire.say(page_open())
    await wire.next("page.ready")
    wire.leave()
    await settle()

    thief, _ = await harness.connect(origin=other)
    thief.say({"type": "resume", "session": ready["session"], "seen": {}})

    assert (await thief.next("error"))["code"] == "resume_unknown"


async def test_resume_has_to_come_first(tmp_path: Path) -> None:
    wire, ready = await Harness(tmp_path).connect()
    wire.say(page_open())
    wire.say({"type": "resume", "session": ready["session"], "seen": {}})

    assert (await wire.next("error"))["code"] == "out_of_order"


async def test_a_client_that_comes_back_early_takes_its_session_over(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    dead, ready = await harness.connect()
    dead.say(page_open())
    await dead.next("page.ready")

    wire, _ = await harness.connect()
    wire.say({"type": "resume", "session": ready["session"], "seen": {}})
    await wire.next("page.ready")
    wire.say(ask())
    await wire.next("run.done")

    assert dead.closed == 4001


async def test_a_reader_that_stops_is_dropped_and_can_resume(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = FakeEngine("word " * 10 + "".join(str(n) for n in range(200)), piece=1)
    harness = Harness(tmp_path, engine, send_s_max=0.05, outbox_events_max=8)
    wire, ready = await harness.connect()
    wire.say(page_open())
    wire.say(ask(max_tokens=1000))
    start = await wire.next("run.start")

    wire.reading.clear()
    for _ in range(100):  # nor can it fill the server's memory with answers to its own frames
        wire.say("{")
    await asyncio.wait_for(asyncio.gather(*harness.tasks), 5)
    assert (wire.closed, wire.aborted) == (1013, True)
    assert "reader_stopped" in caplog.text

    fresh, _ = await harness.connect()
    fresh.say({"type": "resume", "session": ready["session"], "seen": {"r1": start["seq"]}})
    assert (await fresh.next("run.done"))["answer"] == engine.script


async def test_the_server_is_heard_at_least_every_heartbeat(tmp_path: Path) -> None:
    wire, _ = await Harness(tmp_path, heartbeat_s=0.02).connect()

    for _ in range(3):
        await wire.next("pong", timeout_s=1)


async def test_a_ping_is_answered(tmp_path: Path) -> None:
    wire, _ = await Harness(tmp_path).connect()
    wire.say({"type": "ping"})

    assert await wire.next() == {"type": "pong"}


async def test_a_revoked_key_closes_the_live_socket(tmp_path: Path) -> None:
    harness = Harness(tmp_path, key_check_s=0.02)
    watch = asyncio.create_task(harness.connections.watch_keys())
    talking, _ = await harness.connect()
    silent, _ = await harness.connect()

    harness.keys.revoke(ORIGIN)
    talking.say({"type": "ping"})

    for wire in (talking, silent):
        assert (await wire.next("error"))["code"] == "not_paired"
    await asyncio.gather(*harness.tasks)
    assert (talking.closed, silent.closed) == (1008, 1008)
    watch.cancel()


async def test_revoking_ends_answers_and_sessions_that_could_be_resumed_at_once(tmp_path: Path) -> None:
    harness = Harness(tmp_path, key_check_s=0.02)
    watch = asyncio.create_task(harness.connections.watch_keys())
    harness.engine.gate.clear()
    for leaves in (False, True):
        wire, _ = await harness.connect()
        wire.say(page_open())
        wire.say(ask())
        await wire.next("run.start")
        if leaves:
            wire.leave()
    await eventually(lambda: harness.engine.rows == 2)

    harness.keys.revoke(ORIGIN)

    await eventually(lambda: (harness.engine.rows, harness.engine.open_pages) == (0, []))
    watch.cancel()


async def test_revoking_one_profile_leaves_the_other_of_the_same_browser(tmp_path: Path) -> None:
    harness = Harness(tmp_path, key_check_s=0.02)
    watch = asyncio.create_task(harness.connections.watch_keys())
    keys = {name: bytes([at]) * 32 for at, name in enumerate(("work", "home"))}
    wires = {}
    for name, key in keys.items():
        harness.keys.store(ORIGIN, key, client=name, name=name.title())
        wires[name], _ = await harness.connect(key=key, client=name)

    [home] = [one for one in harness.keys.pairings() if one.client == "home"]
    assert harness.keys.revoke(home.id) == [home]

    assert (await wires["home"].next("error"))["code"] == "not_paired"
    wires["work"].say({"type": "ping"})
    await wires["work"].next("pong")
    watch.cancel()


async def test_a_damaged_key_file_lets_nobody_stay(tmp_path: Path) -> None:
    harness = Harness(tmp_path, key_check_s=0.02)
    watch = asyncio.create_task(harness.connections.watch_keys())
    wire, _ = await harness.connect()

    harness.keys.path.write_text("{")

    assert (await wire.next("error"))["code"] == "not_paired"
    watch.cancel()


async def test_only_the_same_profile_can_resume(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    harness.keys.store(ORIGIN, b"t" * 32, client="thief")
    wire, ready = await harness.connect()
    wire.say(page_open())
    await wire.next("page.ready")
    wire.leave()
    await settle()

    thief, _ = await harness.connect(key=b"t" * 32, client="thief")
    thief.say({"type": "resume", "session": ready["session"], "seen": {}})

    assert (await thief.next("error"))["code"] == "resume_unknown"


async def test_every_client_hears_that_the_server_goes(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    harness.engine.gate.clear()
    wire, _ = await harness.connect()
    wire.say(page_open())
    wire.say(ask())
    await wire.next("run.start")

    await harness.connections.shut_down()

    end = await wire.next("run.error")
    assert (end["run"], end["code"]) == ("r1", "going_away")
    assert (await wire.next())["type"] == "going_away"
    assert wire.sent.empty()
    assert wire.closed == 1001
    assert (harness.engine.rows, harness.engine.open_pages) == (0, [])
    late = harness.knock()
    assert (await late.next("error"))["code"] == "busy"


async def test_going_away_never_hangs_whatever_the_writer_does(tmp_path: Path) -> None:
    """Python 3.11's wait_for swallowed the writer's cancellation, about 3 times in 100."""
    for steps in range(60):
        harness = Harness(tmp_path)
        harness.engine.gate.clear()
        wire, _ = await harness.connect()
        wire.say(page_open())
        wire.say(ask())
        await wire.next("run.start")
        await settle(steps % 12)

        async with asyncio.timeout(3):
            await harness.connections.shut_down()


async def test_a_client_that_leaves_in_prefill_frees_its_row(tmp_path: Path) -> None:
    harness = Harness(tmp_path, resume_s=0)
    harness.engine.gate.clear()
    wire, _ = await harness.connect()
    wire.say(page_open())
    wire.say(ask())
    await eventually(lambda: harness.engine.rows == 1)

    wire.leave()
    await asyncio.gather(*harness.tasks)
    await eventually(lambda: harness.engine.rows == 0)
    await settle()

    assert harness.engine.open_pages == []
    assert len(asyncio.all_tasks()) == 1


async def test_a_bug_behind_a_frame_closes_only_its_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    harness = Harness(tmp_path)
    wire, _ = await harness.connect()
    other, _ = await harness.connect()

    def bug(*_: object) -> None:
        raise ZeroDivisionError("CANARY")

    with monkeypatch.context() as patched:
        patched.setattr("server.conversation.session.Session.receive", bug)
        wire.say(page_open())
        await eventually(lambda: wire.closed == 1011)
    other.say({"type": "ping"})
    await other.next("pong")

    assert "ZeroDivisionError" in caplog.text
    assert "CANARY" not in caplog.text


async def test_no_text_of_page_or_question_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    harness = Harness(tmp_path, FakeEngine('CANARY "CANARY" [1]'))
    wire, _ = await harness.connect()
    wire.say(page_open(blocks=["CANARY"]))
    wire.say(ask(question="CANARY", copilot="legal/none"))
    wire.say(ask("r2", question="CANARY"))
    wire.say("CANARY")
    await wire.next("run.done")
    wire.leave()
    await asyncio.gather(*harness.tasks)

    assert "CANARY" not in caplog.text
    assert KEY.hex() not in caplog.text
