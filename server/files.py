"""The one way to open a file that somebody else may have put there: of an adapter, base, copilot, example or import.

A name says nothing: it may be a link out of its folder, a pipe that nobody fills, a device without end, a sparse file
of terabytes. Called by every floor; knows no file's content.
"""

import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from server.errors import RetinueError

LOCK = "lock.json"  # beside an adapter's weights: what they belong to, and their hash
ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
CONFIG_BYTES_MAX = 4 * 1024 * 1024  # of a base's config.json: some name every layer
REPORT_BYTES_MAX = 4 * 1024 * 1024  # of a report.json: that of a category has every copilot's figures
SMALL_BYTES_MAX = 64 * 1024  # of a file of settings: an adapter's, a copilot's, a source note
TEXT_BYTES_MAX = 64 * 1024 * 1024  # of a text whose kind has no smaller limit: examples, tokenizers, corrections
WEIGHTS_BYTES_MAX = 64 * 1024**3  # of one file of a base: more is no model that this machine could run

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_NOT_ALLOWED = (errno.EROFS, errno.EACCES, errno.EPERM)
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)  # opening a pipe or a terminal waits for nobody
_WALKS = os.open in os.supports_dir_fd and bool(_NO_LINK)


class RefusedFile(OSError):
    """The file is not what it should be; `strerror` says why, as the end of a sentence about it."""

    def __init__(self, reason: str, path: Path) -> None:
        super().__init__(errno.EINVAL, reason, str(path))


def open_regular(path: Path, *, bytes_max: int, inside: Path | None = None) -> BufferedReader:
    """Open a regular file of at most `bytes_max` bytes for reading. The last part of `path` may be no link, and with
    `inside` neither may any part below that folder. What it is, is asked of the open file, so nobody can change it.

    Raises OSError, RefusedFile among them.
    """
    try:
        descriptor = _open_below(inside, path) if inside is not None else os.open(path, _FLAGS | _NO_LINK | _NO_WAIT)
    except OSError as error:
        raise RefusedFile("is a link", path) if error.errno == errno.ELOOP else error from None
    try:
        _check(os.fstat(descriptor), path, bytes_max=bytes_max)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, *, bytes_max: int, inside: Path | None = None) -> bytes:
    """All of it; a file that grows beyond `bytes_max` meanwhile is refused too. Raises as `open_regular`."""
    with open_regular(path, bytes_max=bytes_max, inside=inside) as file:
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise RefusedFile(_too_large(bytes_max), path)
    return content


def read_regular_text(path: Path, *, bytes_max: int, inside: Path | None = None) -> str:
    """UTF-8, with or without a byte order mark. Raises as `open_regular`, and UnicodeDecodeError (a ValueError)."""
    return read_regular(path, bytes_max=bytes_max, inside=inside).decode("utf-8-sig").replace("\r\n", "\n")


def why_not(error: OSError) -> str:
    """The end of a sentence about a file that cannot be read: `is a link`, `cannot be read: Permission denied`."""
    return str(error.strerror) if isinstance(error, RefusedFile) else f"cannot be read: {error.strerror or error}"


def check_regular(path: Path, *, bytes_max: int, inside: Path | None = None) -> int:
    """For a file that a library opens by its name afterwards. Returns its size in bytes. Raises as `open_regular`."""
    with open_regular(path, bytes_max=bytes_max, inside=inside) as file:
        return os.fstat(file.fileno()).st_size


def check_folder(folder: Path, *, bytes_max: int) -> None:
    """Every file right in `folder`, for a library that picks what it reads by itself. Raises as `open_regular`."""
    for entry in _entries(folder):
        if not entry.is_dir(follow_symlinks=False):
            check_regular(Path(entry.path), bytes_max=bytes_max)


def copy_regular(file: Path, target: Path, *, bytes_max: int) -> None:
    """Raises as `open_regular`, and OSError of `target`."""
    with open_regular(file, bytes_max=bytes_max) as stream, target.open("wb") as out:
        shutil.copyfileobj(stream, out, 1024 * 1024)


def refusal_of(error: OSError) -> RetinueError:
    """What a command says of a file or a disk that failed it: one sentence, with what to do."""
    where = error.filename or "The output"
    if error.errno in _FULL:
        return RetinueError(f"{where}: the disk is full. Make room and run the same command again.", code="disk_full")
    if error.errno in _NOT_ALLOWED:
        return RetinueError(f"{where}: {error.strerror}. Allow it, or choose another folder.", code="not_allowed")
    return RetinueError(f"{where} {why_not(error)}.", code="file_failed")


def replace_file(file: Path, content: str | bytes, *, mode: int = 0o666) -> None:
    """Write a small file of ours: after a crash or on a full disk it is the old one or the new one, never half of
    either. `mode`: who may read it, within the umask. Raises OSError.
    """
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content.encode() if isinstance(content, str) else content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def sha256_of(file: Path, *, bytes_max: int = WEIGHTS_BYTES_MAX) -> str:
    """Raises as `open_regular`."""
    with open_regular(file, bytes_max=bytes_max) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _open_below(folder: Path, path: Path) -> int:
    """Walk from `folder` down, part by part, and follow no link."""
    parts = path.relative_to(folder).parts if path.is_relative_to(folder) else ()
    if not parts or ".." in parts:
        raise RefusedFile("lies outside its folder", path)
    if not _WALKS:  # Windows: links are found by where the path leads
        if path.resolve() != folder.resolve().joinpath(*parts):
            raise RefusedFile("is a link", path)
        return os.open(path, _FLAGS)
    opened = os.open(folder, _FLAGS | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            below = os.open(part, _FLAGS | os.O_DIRECTORY | _NO_LINK, dir_fd=opened)
            os.close(opened)
            opened = below
        return os.open(parts[-1], _FLAGS | _NO_LINK | _NO_WAIT, dir_fd=opened)
    except NotADirectoryError:  # what O_DIRECTORY says of a link
        raise RefusedFile("is reached through a link", path) from None
    except FileNotFoundError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(opened)


def _check(found: os.stat_result, path: Path, *, bytes_max: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise RefusedFile("is no regular file", path)
    if found.st_size > bytes_max:
        raise RefusedFile(_too_large(bytes_max), path)


def _too_large(bytes_max: int) -> str:
    return f"is larger than {bytes_max // 1024**2} MiB" if bytes_max >= 1024**2 else (
        f"is larger than {bytes_max // 1024} KiB")  # fmt: skip


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        yield from found
