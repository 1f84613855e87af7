"""Whole folders, put in place in one step: a moment of kill -9 leaves the old one or the new one, never none or half.

The kernel exchanges two names at once: renameat2 on Linux, renamex_np on macOS. A pointer file would do the same on
every system, but then each reader, git and PEFT would have to know the pointer; so the folders stay where people look
for them. Where no exchange can be had, two renames with a note in the names lie between, and `recover` goes back.
Called by catalog and training; knows no file's content.
"""

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_RENAME_SWAP = 2
_ASIDE = ".aside"
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM)


def replace_folder(made: Path, target: Path) -> None:
    """Make the finished folder `made` the one at `target`; what stood there goes only then. Raises OSError."""
    to_disk(made)
    former = recover(target)
    if former is not None:
        shutil.rmtree(former, ignore_errors=True)
    if not target.exists():
        os.replace(made, target)
        return
    exchange(made, target)
    shutil.rmtree(made, ignore_errors=True)


def exchange(one: Path, other: Path) -> None:
    """Each folder takes the other's name, at one moment where the system can. Raises OSError."""
    swap = _system_exchange()
    if swap is not None:
        number = swap(os.fsencode(one), os.fsencode(other))
        if number == 0:
            return
        if number not in _CANNOT:
            raise OSError(number, os.strerror(number), str(other))
    aside = _aside(other)
    os.replace(other, aside)
    os.replace(one, other)
    os.replace(aside, one)


def recover(folder: Path) -> Path | None:
    """What a kill between two renames left is put back. Where the new folder is in place already, returns where the
    former one lies. Called before a folder is written, and at start-up. Raises OSError.
    """
    aside = _aside(folder)
    if not aside.exists():
        return None
    if folder.exists():
        return aside
    os.replace(aside, folder)
    return None


def to_disk(folder: Path) -> None:
    """Every file below it is on the disk before its name counts: a power cut leaves no empty file. Raises OSError."""
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            descriptor = os.open(file, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}{_ASIDE}")


@cache
def _system_exchange() -> Callable[[bytes, bytes], int] | None:
    """A function that returns 0, or the number of the system's error; None where the system has none."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            swap = library.renamex_np
            swap.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint)
            return lambda one, other: ctypes.get_errno() if swap(one, other, _RENAME_SWAP) else 0
        rename = library.renameat2
    except (OSError, AttributeError, TypeError):  # Windows, or a C library that is too old
        return None
    rename.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return lambda one, other: ctypes.get_errno() if rename(_AT_FDCWD, one, _AT_FDCWD, other, _RENAME_EXCHANGE) else 0
