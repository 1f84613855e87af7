"""Training started over the socket: a child that prints, sends garbage, crashes or hangs, and what clients are told."""

import asyncio
import json
import os
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from server.catalog.train_events import Failed
from server.engine import AdapterRef
from tests.server.fakes import FakeWire, Harness, ask, page_open, write_copilot

START = {"type": "train.start", "copilot": "legal/lease", "place": "side"}
CANCEL = {"type": "train.cancel", "copilot": "legal/lease", "place": "side"}
DONE = {
    "event": "done", "active": True, "reason": "It is better.", "folder": "/home/me/x", "seconds": 1.5,
    "loss": {"before": 3.0, "after": 1.5}, "checks": {"before": 0.25, "after": 0.75}, "general_rise": -0.02,
}  # fmt: skip
FIGURES = {name: DONE[name] for name in ("loss", "checks", "general_rise")}
HEAD = """
import json, os, signal, sys, time
from pathlib import Path
def say(event, **fields): print(json.dumps({"event": event, **fields}), flush=True)
def hang(): time.sleep(60)
here = Path(__file__).parent
"""


class TrainingHarness(Harness):
    """A harness whose copilot has examples, and whose child is `script`."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, **limits: Any) -> None:
        super().__init__(tmp_path, **{"base": "tiny", "threads": 4, **limits})
        self.stand_in = tmp_path / "stand_in" / "training"
        folders = [tmp_path / "adapters" / "legal" / "lease", tmp_path / "user" / "bases" / "tiny", self.stand_in]
        files = [("train.jsonl", "heldout.jsonl"), ("config.json", "tokenizer.json"), ("__init__.py",)]
        for folder, names in zip(folders, files, strict=True):
            folder.mkdir(parents=True, exist_ok=True)
            for name in names:
                (folder / name).write_text("")
        (self.stand_in / "__main__.py").write_text(HEAD + textwrap.dedent(script))
        monkeypatch.setenv("PYTHONPATH", str(self.stand_in.parent))

    async def train(self) -> tuple[FakeWire, dict[str, Any]]:
        """Start it and wait for the report."""
        wire, _ = await self.connect()
        wire.say(START)
        await wire.next("train.progress")  # after the report of an earlier one, if there is one
        return wire, await wire.next("train.report", timeout_s=20)


async def test_progress_and_report_reach_every_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"""
        (here / "arguments").write_text(json.dumps(sys.argv[1:]))
        (here / "folder").write_text(os.environ["RETINUE_USER_DIR"])
        say("start", copilot="legal/lease", supervised="words of a page")
        for step in range(1, 401): say("step", epoch=1, step=step, steps=400, loss=2.0)
        say("measuring")
        print({json.dumps(DONE)!r})
    """
    harness = TrainingHarness(tmp_path, monkeypatch, script)
    other, _ = await harness.connect()

    _, report = await harness.train()

    frames = [report, *[await other.next() for _ in range(105)]]
    assert frames[-1] == report
    seen = [frame for frame in frames[1:] if frame["type"] == "train.progress"]
    assert [frame["phase"] for frame in seen] == ["preparing"] + ["training"] * 101 + ["measuring"]
    assert [frame["percent"] for frame in seen] == [None, *range(101), None]
    assert (seen[1]["remaining_s"], seen[101]["remaining_s"]) == (None, 0)
    assert report["figures"] == FIGURES
    arguments = json.loads((harness.stand_in / "arguments").read_text())
    assert arguments[:3] == ["train", "legal/lease", "--own"]
    options = dict(zip(arguments[3::2], arguments[4::2], strict=True))
    assert options == {
        "--base": str(tmp_path / "user" / "bases" / "tiny"), "--data": str(tmp_path / "adapters"),
        "--progress": "json", "--nice": "10", "--threads": "3",
    }  # fmt: skip
    assert (harness.stand_in / "folder").read_text() == str(tmp_path / "user")
    assert "words of a page" not in json.dumps(frames)


async def test_the_next_answer_has_the_new_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"""
        folder = Path(os.environ["RETINUE_USER_DIR"]) / "copilots" / "legal" / "lease" / "_adapters" / "fake"
        folder.mkdir(parents=True)
        print({json.dumps(DONE)!r})
    """
    monkeypatch.setattr("server.catalog.copilots.check_files", lambda folder, *, bytes_max: None)
    harness = TrainingHarness(
        tmp_path, monkeypatch, script, check_adapter=lambda folder, base: AdapterRef("", folder, "digest")
    )
    wire, ready = await harness.connect()
    assert [(card["id"], card["mode"], card["trainable"]) for card in ready["copilots"]] == [
        ("generalist", "base", False), ("legal/lease", "instructed", True),
    ]  # fmt: skip
    wire.say(page_open())
    wire.say(START)

    cards = (await wire.next("copilots", timeout_s=20))["copilots"]
    report = await wire.next("train.report")
    wire.say(ask())
    run = await wire.next("run.start")
    await wire.next("run.done")

    assert cards[1]["mode"] == run["mode"] == "tuned"
    assert (report["activated"], report["code"], report["why"]) == (True, None, "It is better.")
    adapter = harness.engine.requests[0].adapter
    assert adapter is not None
    assert adapter.folder == tmp_path / "user" / "copilots" / "legal" / "lease" / "_adapters" / "fake"


async def test_an_adapter_that_its_report_or_the_server_refuses_is_not_called_active(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse = json.dumps(DONE | {"active": False})
    harness = TrainingHarness(
        tmp_path, monkeypatch, f"print({worse!r})", check_adapter=lambda *_: AdapterRef("", tmp_path, "")
    )
    _, gained_nothing = await harness.train()
    made = 'Path(os.environ["RETINUE_USER_DIR"], "copilots/legal/lease/_adapters/fake").mkdir(parents=True)'
    (harness.stand_in / "__main__.py").write_text(HEAD + f"{made}\nprint({json.dumps(DONE)!r})")
    _, broken = await harness.train()

    assert tuple(gained_nothing[name] for name in ("activated", "why", "figures")) == (False, "It is better.", FIGURES)
    assert (broken["activated"], broken["code"]) == (False, None)
    assert "adapter_config.json is missing" in broken["why"]


@pytest.mark.parametrize(
    ("script", "code", "why"),
    [
        ("print('loss 2.0')", "train_broken", "does not understand"),
        ("say('step', step=1, steps=0)", "train_broken", "does not understand"),
        ("say('dance')", "train_broken", "does not understand"),
        ("say('error', code='base_too_large', message='It needs 9 GB.'); sys.exit(1)", "train_failed", "needs 9 GB"),
        ("say('error', code='data_quote', message='CANARY'); sys.exit(1)", "train_failed", "check legal/lease"),
        ("say('error', code='x', message='No /CANARY/x.'); sys.exit(1)", "train_failed", "retinue train legal/lease"),
        ("raise ZeroDivisionError('CANARY')", "train_failed", "retinue train legal/lease"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "train_failed", "retinue train legal/lease"),
        ("say('measuring')", "train_failed", "retinue train legal/lease"),
        (f"print({json.dumps(DONE)!r}); sys.exit(1)", "train_failed", "retinue train legal/lease"),
    ],
)  # fmt: skip
async def test_a_child_that_goes_wrong_is_reported_and_can_be_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, code: str, why: str
) -> None:
    harness = TrainingHarness(tmp_path, monkeypatch, script)

    wire, report = await harness.train()

    assert (report["activated"], report["code"], report["figures"]) == (False, code, None)
    assert why in report["why"]
    assert "CANARY" not in json.dumps(report)
    (harness.stand_in / "__main__.py").write_text(HEAD + f"print({json.dumps(DONE)!r})")
    wire.say(START)
    assert (await wire.next("train.report", timeout_s=20))["code"] is None


@pytest.mark.parametrize(("length", "code"), [(199, None), (200, None), (201, "train_broken")])
async def test_a_line_of_the_child_has_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, code: str | None
) -> None:
    line, last = (
        json.dumps({"event": "start", "supervised": ""}),
        json.dumps({**DONE, "folder": ""}, separators=(",", ":")),
    )
    assert len(last) < 200
    line = line[:-2] + "x" * (length - len(line)) + line[-2:]
    harness = TrainingHarness(tmp_path, monkeypatch, f"print({line!r})\nprint({last!r})", train_line_bytes_max=200)

    _, report = await harness.train()

    assert report["code"] == code


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_training_can_be_cancelled_even_when_it_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaf: bool
) -> None:
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if deaf else ""
    script = f"""
        {ignore}
        (here / "id").write_text(str(os.getpid()))
        say("measuring")
        hang()
    """
    harness = TrainingHarness(tmp_path, monkeypatch, script, train_stop_s=0.2 if deaf else 30)
    wire, _ = await harness.connect()
    wire.say(START)
    await _phase(wire, "measuring")

    wire.say({**CANCEL, "copilot": "legal/other"})
    wire.say(CANCEL)
    wire.say(CANCEL)
    report = await wire.next("train.report", timeout_s=20)

    assert (report["activated"], report["code"]) == (False, "train_cancelled")
    assert not _alive(harness)


async def test_a_cancel_right_after_the_start_leaves_no_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = TrainingHarness(tmp_path, monkeypatch, "hang()")
    wire, _ = await harness.connect()

    wire.say(START)
    wire.say(CANCEL)

    assert (await wire.next("train.report", timeout_s=20))["code"] == "train_cancelled"


async def test_what_cannot_be_trained_is_refused_with_a_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = TrainingHarness(tmp_path, monkeypatch, "say('measuring'); hang()")
    write_copilot(harness.settings.adapters_dir, "legal/will")
    wire, _ = await harness.connect()
    bystander, _ = await harness.connect()

    for copilot in ("legal/none", "legal/will", "generalist", "legal/lease", "legal/lease"):
        wire.say({**START, "copilot": copilot})
    refusals = [await wire.next("error") for _ in range(4)]
    wire.say(CANCEL)
    await wire.next("train.report", timeout_s=20)

    assert [refusal["code"] for refusal in refusals] == [
        "copilot_unknown", "train_no_examples", "train_no_examples", "train_running",
    ]  # fmt: skip
    assert refusals[-1]["message"].startswith("Lease is being trained.")
    heard = {(await bystander.next())["type"] for _ in range(bystander.sent.qsize())}
    assert "error" not in heard


async def test_a_base_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = TrainingHarness(tmp_path, monkeypatch, "hang()", base="away")
    wire, _ = await harness.connect()

    wire.say(START)

    assert (await wire.next("error"))["code"] == "base_missing"
    assert harness.connections.trainings.latest is None


async def test_it_outlives_its_client_and_a_new_one_hears_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"""
        say("step", epoch=1, step=3, steps=10, loss=1.0)
        while not (here / "go").exists(): time.sleep(0.01)
        print({json.dumps(DONE)!r})
    """
    harness = TrainingHarness(tmp_path, monkeypatch, script)
    first, _ = await harness.connect()
    first.say(START)
    await _phase(first, "training")
    first.leave()
    await asyncio.gather(*harness.tasks)

    second, _ = await harness.connect()
    latest = await second.next()
    (harness.stand_in / "go").touch()
    report = await second.next("train.report", timeout_s=20)
    third, _ = await harness.connect()

    assert (latest["type"], latest["percent"]) == ("train.progress", 30)
    assert await third.next() == report
    third.say(CANCEL)  # puts the report away
    third.say({"type": "ping"})
    await third.next("pong")
    fourth, _ = await harness.connect()
    fourth.say({"type": "ping"})
    assert (await fourth.next())["type"] == "pong"


async def test_answers_go_on_while_a_training_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = TrainingHarness(tmp_path, monkeypatch, "say('measuring'); hang()")
    wire, _ = await harness.connect()
    wire.say(START)
    await _phase(wire, "measuring")

    wire.say(page_open())
    wire.say(ask())

    assert (await wire.next("run.done"))["answer"] == harness.engine.script
    await harness.connections.shut_down()


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_server_that_stops_takes_the_child_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaf: bool
) -> None:
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if deaf else ""
    script = f'{ignore}\n(here / "id").write_text(str(os.getpid()))\nsay("measuring")\nhang()'
    harness = TrainingHarness(tmp_path, monkeypatch, script, train_stop_s=0.2 if deaf else 30)
    wire, _ = await harness.connect()
    wire.say(START)
    await _phase(wire, "measuring")

    await harness.connections.shut_down()

    assert not _alive(harness)
    assert (await wire.next("going_away"))["type"] == "going_away"
    assert len(asyncio.all_tasks()) == 1


async def test_a_client_that_does_not_read_misses_progress_but_not_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"""
        for step in range(1, 101): say("step", epoch=1, step=step, steps=100, loss=1.0)
        print({json.dumps(DONE)!r})
    """
    harness = TrainingHarness(tmp_path, monkeypatch, script, outbox_events_max=8)
    slow, _ = await harness.connect()
    slow.reading.clear()

    await harness.train()
    slow.reading.set()

    heard: list[str] = []
    while "train.report" not in heard:
        heard.append((await slow.next())["type"])
    assert heard.count("train.progress") < 20
    assert heard[-2] == "copilots"


async def test_a_program_that_cannot_be_started_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = TrainingHarness(tmp_path, monkeypatch, "hang()")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "away"))

    _, report = await harness.train()

    assert report["code"] == "train_failed"


async def test_a_folder_named_training_where_the_server_was_started_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = TrainingHarness(tmp_path, monkeypatch, f"print({json.dumps(DONE)!r})")
    stranger = tmp_path / "downloads" / "training"
    stranger.mkdir(parents=True)
    for name in ("__init__.py", "__main__.py"):
        (stranger / name).write_text("print('not ours')")
    monkeypatch.chdir(stranger.parent)

    _, report = await harness.train()

    assert report["code"] is None


@pytest.mark.parametrize("path", ["/home/me/x", "'/x' is bad", "~/x", "C:\\Users\\me", "(/tmp)"])
def test_a_sentence_that_names_a_file_is_not_passed_on(path: str) -> None:
    told = Failed(event="error", code="base_missing", message=f"There is no {path}.")
    kept = Failed(event="error", code="base_missing", message="legal/lease needs 3/4 more.")

    assert path not in told.why("legal/lease")
    assert kept.why("legal/lease") == "legal/lease needs 3/4 more."


async def _phase(wire: FakeWire, phase: str) -> None:
    while (await wire.next("train.progress", timeout_s=20))["phase"] != phase:
        pass


def _alive(harness: TrainingHarness) -> bool:
    try:
        os.kill(int((harness.stand_in / "id").read_text()), 0)
    except ProcessLookupError:
        return False
    return True
