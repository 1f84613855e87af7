"""One writer of a whole folder, in a process of its own that is killed at any moment. Called by test_kills.

    python -m tests.kills.writers WRITER FOLDER

Says `go` when it is ready, then writes again and again. What is in use is always whole: its file `number` says what
all its other files must hold.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from server import folders
from server.catalog import versions
from server.catalog.layout import adapter_folder, user_root
from server.files import replace_file

FILES, REPEATS = 12, 400


def fill(folder: Path, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ["number", *(f"part-{place}" for place in range(FILES))]:
        (folder / name).write_text(f"{number}\n" * REPEATS)


def number_of(folder: Path) -> int:
    """Raises AssertionError unless all files of the folder are of one writing, and whole."""
    texts = {file.read_text() for file in folder.iterdir()}
    assert len(list(folder.iterdir())) == FILES + 1
    assert len(texts) == 1
    (text,) = texts
    assert text.count("\n") == REPEATS
    return int(text.split("\n")[0])


def adapter_of(root: Path) -> Path:
    return adapter_folder(user_root(root), "legal/lease", "tiny")


def put_in_use(root: Path) -> Iterator[None]:
    """As import --replace and training --own do."""
    for number in itertools.count(2):
        with versions.writing(adapter_of(root)) as made:
            fill(made, number)
            versions.put_in_use(made, adapter_of(root))
        yield


def restore(root: Path) -> Iterator[None]:
    while True:
        versions.restore(adapter_of(root))
        yield


def replace(root: Path) -> Iterator[None]:
    """As training into adapters/, a base or corrections do."""
    for number in itertools.count(2):
        with versions.writing(adapter_of(root)) as made:
            fill(made, number)
            folders.replace_folder(made, adapter_of(root))
        yield


def settings(root: Path) -> Iterator[None]:
    """One small file."""
    for number in itertools.count(2):
        replace_file(root / "settings.toml", f"{number}\n" * REPEATS)
        yield


WRITERS: dict[str, Callable[[Path], Iterator[None]]] = {
    "put_in_use": put_in_use, "restore": restore, "replace": replace, "settings": settings,
}  # fmt: skip


def main(writer: str, root: Path, exchange: str) -> None:
    if exchange == "none":  # a system that cannot exchange two names at once
        folders._system_exchange = lambda: None  # type: ignore[assignment]
    rounds = WRITERS[writer](root)
    next(rounds)
    os.write(1, b"go\n")
    for _ in rounds:
        pass


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
