"""Files that are whole or not there: room, hashes, and being moved into place at the end. Called by fetch, install and
pull; knows nothing of models."""

import contextlib
import errno
import hashlib
import os
import shutil
from pathlib import Path
from typing import IO

from server.errors import BaseError
from server.files import WEIGHTS_BYTES_MAX, copy_regular, sha256_of

SPARE_BYTES = 512 * 1024**2  # left free on the disk
_CHUNK_BYTES = 1024**2
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def check_room(folder: Path, size: int) -> None:
    """Raises BaseError (`base_disk_full`) when `size` bytes would leave less than `SPARE_BYTES` free."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if size + SPARE_BYTES > free:
        raise BaseError(
            f"{size / 1024**2:,.0f} MiB are needed, with {SPARE_BYTES / 1024**2:,.0f} MiB to spare, and "
            f"{free / 1024**2:,.0f} MiB are free in {place}. Make room, or set RETINUE_BASES_DIR to another disk.",
            code="base_disk_full",
        )


def is_file(file: Path, *, size: int, sha256: str) -> bool:
    """Whether `file` is exactly that one."""
    return file.is_file() and file.stat().st_size == size and sha256_of(file, bytes_max=size) == sha256


def copy_checked(stream: IO[bytes], target: Path, *, size: int, sha256: str) -> None:
    """Copy `stream` to `target`, which appears only when it has that size and hash; no byte more than `size` is kept.

    Raises BaseError (`base_damaged`, `base_disk_full`).
    """
    unfinished = target.with_name(f"{target.name}.new")
    digest, left = hashlib.sha256(), size
    try:
        with unfinished.open("wb") as out:
            while left and (chunk := stream.read(min(_CHUNK_BYTES, left))):
                digest.update(chunk)
                out.write(chunk)
                left -= len(chunk)
        if left or stream.read(1) or digest.hexdigest() != sha256:
            raise BaseError(f"{target.name} is damaged, or another file of that name.", code="base_damaged")
        os.replace(unfinished, target)
    except OSError as error:
        raise as_refusal(error, target.parent) from error
    finally:
        unfinished.unlink(missing_ok=True)


def link_or_copy(file: Path, target: Path) -> None:
    """The same bytes under a second name; where the file system has no links, twice on disk."""
    try:
        os.link(file, target)
    except OSError:
        copy_regular(file, target, bytes_max=WEIGHTS_BYTES_MAX)


def remove_folder(folder: Path) -> None:
    """Gone at once for everybody else, then deleted."""
    if not folder.exists():
        return
    aside = folder.with_name(f".{folder.name.lstrip('.')}.removed")
    shutil.rmtree(aside, ignore_errors=True)
    os.replace(folder, aside)
    shutil.rmtree(aside, ignore_errors=True)


def bytes_below(folder: Path) -> int:
    """Of all files, also while they come and go."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


def as_refusal(error: OSError, folder: Path) -> BaseError:
    """A failed write as a sentence."""
    if error.errno in _FULL:
        return BaseError(
            f"The disk of {folder} is full. Make room, or set RETINUE_BASES_DIR to another disk.", code="base_disk_full"
        )
    return BaseError(f"{folder} cannot be written: {error.strerror or error}.", code="base_unwritable")
