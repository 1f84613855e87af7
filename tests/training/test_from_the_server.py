"""The real child process and the real frames: a tiny base, a handful of examples, the user's own folder."""

import shutil
from pathlib import Path

import pytest

from server.engine import BaseInfo
from server.engine.adapter_check import check_adapter
from tests.server.fakes import FakeEngine, Harness, write_copilot
from training.lock import base_fingerprint


@pytest.fixture
def harness(tmp_path: Path, base: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    text = 'name = "Review"\npromise = "Reviews."\ninstructions = "Quote the page."\nchecks = ["quotes_verbatim"]\n'
    shutil.copytree(data, tmp_path / "adapters")
    write_copilot(tmp_path / "adapters", "shop/review", text)
    shutil.copytree(base, tmp_path / "user" / "bases" / "tiny")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    engine = FakeEngine()
    engine.info = BaseInfo("tiny", base_fingerprint(base), 1, 512)
    return Harness(tmp_path, engine, check_adapter=check_adapter, base="tiny", threads=2)


async def test_a_training_from_the_sidebar_is_used_from_the_users_own_folder(harness: Harness, tmp_path: Path) -> None:
    shipped = files(tmp_path / "adapters")
    wire, _ = await harness.connect()

    wire.say({"type": "train.start", "copilot": "shop/review", "place": "tab"})
    phases: list[str] = []
    while (report := await wire.next(timeout_s=60))["type"] != "train.report":
        phases += [report["phase"]] if report["type"] == "train.progress" else []

    assert (report["activated"], report["code"]) == (True, None), report["why"]
    assert report["figures"]["loss"]["after"] < report["figures"]["loss"]["before"]
    assert list(dict.fromkeys(phases)) == ["preparing", "training", "measuring"]
    assert harness.copilots.get("shop/review").mode == "tuned"
    own = tmp_path / "user" / "copilots" / "shop" / "review" / "_adapters" / "tiny"
    assert {file.parent for file in files(tmp_path / "user" / "copilots")} == {own}
    assert files(tmp_path / "adapters") == shipped


def files(folder: Path) -> set[Path]:
    return {file for file in folder.rglob("*") if file.is_file()}
