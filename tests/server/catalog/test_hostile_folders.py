"""Folders of copilots in which a file is none: nothing hangs, nothing outside is read, the others stay usable."""

import os
from pathlib import Path

import pytest

from server.catalog.copilots import Copilot, Copilots
from server.catalog.versions import clean
from server.engine import AdapterRef, BaseInfo
from tests.server.catalog.test_copilots import write_adapter
from tests.server.fakes import write_copilot
from tests.server.test_files import HOSTILE, posix, soon

pytestmark = posix
KINDS = [kind for kind in HOSTILE if kind != "folder"]


def read(root: Path) -> dict[str, Copilot]:
    copilots = Copilots(
        adapters_dir=root / "a", user_dir=root / "u", base=BaseInfo("tiny", "f", 1, 100), check_adapter=accept
    )
    with soon():
        return {copilot.id: copilot for copilot in copilots.all()}


def accept(folder: Path, _: BaseInfo) -> AdapterRef:
    return AdapterRef("x", folder, "digest")


def replace(file: Path, kind: str) -> None:
    file.unlink(missing_ok=True)
    HOSTILE[kind](file)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["copilot.toml", "../category.toml"])
def test_the_texts_of_a_copilot(tmp_path: Path, kind: str, name: str) -> None:
    write_copilot(tmp_path / "a", "health/other")
    folder = write_copilot(tmp_path / "a", "legal/lease")
    replace(Path(os.path.normpath(folder / name)), kind)

    found = read(tmp_path)

    assert found["health/other"].usable
    assert not found["legal/lease"].usable


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors", "lock.json", "report.json"])
def test_the_files_of_an_adapter(tmp_path: Path, kind: str, name: str) -> None:
    replace(write_adapter(write_copilot(tmp_path / "a")) / name, kind)

    found = read(tmp_path)["legal/lease"]

    assert (found.mode, found.usable) == ("instructed", True)
    assert found.refused


def test_a_category_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    write_copilot(tmp_path / "outside", "legal/lease")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "legal").symlink_to(tmp_path / "outside" / "legal")

    assert not read(tmp_path)["legal/lease"].usable


def leftovers(tmp_path: Path) -> Path:
    adapter = write_adapter(write_copilot(tmp_path / "u" / "copilots"))
    for name in (".tiny.new", ".other.new"):
        (adapter.parent / name).mkdir()
        (adapter.parent / name / "half").write_text("half")
    return adapter


def test_the_first_look_takes_away_what_a_killed_writer_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    adapter = leftovers(tmp_path)

    assert read(tmp_path)["legal/lease"].mode == "tuned"
    assert [one.name for one in adapter.parent.iterdir()] == ["tiny"]


def test_what_cannot_be_written_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    leftovers(tmp_path)

    clean(tmp_path / "u" / "copilots")

    assert read(tmp_path)["legal/lease"].mode == "tuned"
