"""A training over the end of its server: paused, told to whoever comes, and continued; the last report stays."""

import json
from pathlib import Path

import pytest

from server.catalog.teaching.corrections import CorrectedPage, Corrections
from server.catalog.teaching.state import TrainingState
from tests.server.catalog.test_trainings import CANCEL, DONE, START, TrainingHarness

PAGE = CorrectedPage(title="Lease", address="", blocks=["The term is two years."])
HALF = """
    say("start")
    say("epoch", epoch=0, of=2, heldout_loss=2.0)
    for step in range(1, 51): say("step", epoch=1, step=step, steps=100, loss=2.0)
    hang()
"""
REST = f"""
    say("start")
    say("resumed", step=50, of=2, epochs=[dict(epoch=0, heldout_loss=2.0), dict(epoch=1, heldout_loss=1.5)])
    for step in range(51, 101): say("step", epoch=2, step=step, steps=100, loss=1.0)
    print({json.dumps(DONE)!r})
"""


async def test_it_is_paused_when_the_server_ends_and_goes_on_with_its_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = TrainingHarness(tmp_path, monkeypatch, HALF)
    wire, _ = await first.connect()
    wire.say(START)
    while (await wire.next("train.progress"))["percent"] != 50:
        pass
    await first.connections.shut_down()

    second = TrainingHarness(tmp_path, monkeypatch, REST)
    again, _ = await second.connect()
    paused = await again.next("train.progress")
    assert (paused["phase"], len(paused["trained"]), paused["remaining_s"]) == ("paused", 50, None)
    again.say(START)
    report = await again.next("train.report", timeout_s=20)
    assert [point["step"] for point in report["heldout"]] == [0, 50]
    assert [report["trained"][0]["step"], report["trained"][-1]["step"]] == [1, 100]

    third, _ = await TrainingHarness(tmp_path, monkeypatch, "hang()").connect()
    assert (await third.next("train.report"))["why"] == report["why"]
    third.say(CANCEL)
    third.say({"type": "ping"})
    await third.next("pong")
    assert TrainingState(tmp_path / "user").read() is None


async def test_a_paused_one_is_put_away_and_another_may_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "user" / "teaching" / "training.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"type": "train.progress", "copilot": "legal/lease", "phase": "training", "percent": 4}')
    harness = TrainingHarness(tmp_path, monkeypatch, f"print({json.dumps(DONE)!r})")
    assert harness.connections.trainings.running is None
    harness.connections.trainings.cancel("legal/lease")
    assert (harness.connections.trainings.latest, file.exists()) == (None, False)


@pytest.mark.parametrize("text", ["", "{", '{"type": "train.progress"}', '{"type": "ping"}', "\x00" * 9])
async def test_a_damaged_state_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "teaching" / "training.json"
    file.parent.mkdir()
    file.write_text(text)
    assert TrainingState(tmp_path).read() is None


async def test_kept_corrections_are_trained_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"""
        (here / "arguments").write_text(json.dumps(sys.argv[1:]))
        print({json.dumps(DONE)!r})
    """
    harness = TrainingHarness(tmp_path, monkeypatch, script)
    Corrections(tmp_path / "user").add("legal/lease", PAGE, question="q", answer="a", corrected="b")
    await harness.train()
    arguments = json.loads((harness.stand_in / "arguments").read_text())
    assert arguments[:4] == ["train", "legal/lease", "--own", "--with-corrections"]
