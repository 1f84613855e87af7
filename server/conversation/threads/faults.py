"""What SQLite and the file system say, as errors with stable codes. Called by database and keeper."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from server.errors import ThreadError

_BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_ROOM_BYTES_MIN = 64 * 1024
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class Damaged(Exception):
    """SQLite's own check found something wrong in the file."""


FAULTS = (DBAPIError, sqlite3.Error, Damaged, OSError)


def is_broken(error: BaseException) -> bool:
    """Whether the file is damaged, or no database at all."""
    return isinstance(error, Damaged) or _code(error) in _BROKEN


def as_error(error: BaseException, *, folder: Path) -> ThreadError:
    """The sentence for people; what SQLite said may hold what is kept, and is not repeated."""
    code = _code(error)
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(folder)):
        return ThreadError(
            "The disk is full, so this was not kept. What was kept before is safe; free some space.",
            code="threads_disk_full",
        )
    if code in _READ_ONLY or isinstance(error, PermissionError):
        return ThreadError(
            "The folder of the history cannot be written, so this was not kept. Allow writing to it.",
            code="threads_read_only",
        )
    if code in _BUSY:
        return ThreadError("Another program holds the history. Try again.", code="threads_busy", retry_after_ms=1_000)
    return ThreadError(
        "The history's file failed, so this was not kept. Look at the disk that it is on.", code="threads_failed"
    )


def _is_full(folder: Path) -> bool:
    """SQLite calls it an input or output error when its shared memory finds no room."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free < _ROOM_BYTES_MIN
    return False


def _code(error: BaseException) -> int | None:
    """SQLite's primary code."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, OSError) and cause.errno == 28:  # ENOSPC
        return sqlite3.SQLITE_FULL
    code = getattr(cause, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None
