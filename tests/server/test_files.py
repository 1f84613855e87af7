"""Files that are not what their name says: links out of a folder, pipes, devices, sparse files, half files."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server import files
from server.files import (
    RefusedFile,
    check_folder,
    copy_regular,
    open_regular,
    read_regular,
    replace_file,
    sha256_of,
    why_not,
)

BYTES_MAX = 1024
posix = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and devices of POSIX")


@contextmanager
def soon(seconds: int = 5) -> Iterator[None]:
    """A read that hangs fails the test instead of the run."""

    def late(*_: object) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def link_to(target: str | Path) -> Callable[[Path], None]:
    return lambda place: place.symlink_to(target)


def sparse(place: Path, size: int = 10 * 1024**3) -> None:
    with place.open("wb") as file:
        file.truncate(size)


def elsewhere(place: Path) -> None:
    """A link to a regular file outside."""
    other = Path(tempfile.mkdtemp(dir=place.parent.parent)) / "other"
    other.write_text("{}")
    place.symlink_to(other)


HOSTILE: dict[str, Callable[[Path], None]] = {
    "endless device": link_to("/dev/zero"), "pipe": lambda place: os.mkfifo(place), "terminal": link_to("/dev/tty"),
    "sparse file": sparse, "link out of the folder": elsewhere, "link to itself": lambda place: place.symlink_to(place),
    "folder": lambda place: place.mkdir(),
}  # fmt: skip


@posix
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "folder" / "file"
    place.parent.mkdir()
    HOSTILE[kind](place)

    for read in (
        lambda: read_regular(place, bytes_max=BYTES_MAX), lambda: sha256_of(place, bytes_max=BYTES_MAX),
        lambda: read_regular(place, bytes_max=BYTES_MAX, inside=place.parent),
        lambda: copy_regular(place, tmp_path / "copy", bytes_max=BYTES_MAX),
    ):  # fmt: skip
        with soon(), pytest.raises(OSError):
            read()
    if kind != "folder":
        with soon(), pytest.raises(OSError):
            check_folder(place.parent, bytes_max=BYTES_MAX)


@posix
def test_a_device_by_its_own_name_is_refused_too() -> None:
    with soon(), pytest.raises(RefusedFile, match="is no regular file"):
        read_regular(Path("/dev/zero"), bytes_max=BYTES_MAX)


@posix
@pytest.mark.parametrize("walks", [True, False])
def test_no_link_below_the_folder_is_followed(tmp_path: Path, walks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_WALKS", walks and files._WALKS)
    secret, root = tmp_path / "secret", tmp_path / "root"
    secret.mkdir()
    root.mkdir()
    (secret / "key").write_text("key")
    (root / "inner").symlink_to(secret)
    (root / "real").mkdir()
    (root / "real" / "file").write_text("ours")

    assert read_regular(root / "real" / "file", bytes_max=BYTES_MAX, inside=root) == b"ours"
    for outside in (root / "inner" / "key", root / ".." / "secret" / "key", secret / "key"):
        with pytest.raises(RefusedFile):
            read_regular(outside, bytes_max=BYTES_MAX, inside=root)
    with pytest.raises(FileNotFoundError):
        read_regular(root / "real" / "none", bytes_max=BYTES_MAX, inside=root)


@posix
def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("ours")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert read_regular(tmp_path / "link" / "file", bytes_max=BYTES_MAX, inside=tmp_path / "link") == b"ours"


@pytest.mark.parametrize(("size", "fits"), [(BYTES_MAX - 1, True), (BYTES_MAX, True), (BYTES_MAX + 1, False)])
def test_the_size_is_bounded(tmp_path: Path, size: int, fits: bool) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * size)

    if fits:
        assert len(read_regular(file, bytes_max=BYTES_MAX)) == size
        return
    with pytest.raises(RefusedFile, match="is larger than 1 KiB") as refused:
        read_regular(file, bytes_max=BYTES_MAX)
    assert why_not(refused.value) == "is larger than 1 KiB"


def test_a_file_that_says_nothing_of_its_size_is_bounded_too() -> None:
    if not Path("/proc/self/smaps").exists():
        pytest.skip("no /proc")

    with pytest.raises(RefusedFile):
        read_regular(Path("/proc/self/smaps"), bytes_max=BYTES_MAX)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    replace_file(file, "one")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(file, "two")

    assert file.read_text() == "one"
    assert [one.name for one in tmp_path.iterdir()] == ["settings.toml"]


def test_open_files_are_closed_after_a_refusal(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc")
    sparse(tmp_path / "file", 2 * BYTES_MAX)
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(20):
        with pytest.raises(RefusedFile):
            open_regular(tmp_path / "file", bytes_max=BYTES_MAX, inside=tmp_path)

    assert len(list(Path("/proc/self/fd").iterdir())) == before
