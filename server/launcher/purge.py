"""What Retinue keeps of a user, and how all of it is deleted. Called by cli after the registration is gone.

Only the folders that are Retinue's by name go; one that a setting put elsewhere may hold other things and stays.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from server.errors import AutostartError
from server.settings import Settings


@dataclass(frozen=True, slots=True)
class Kept:
    """`why_it_stays` is empty for a folder that `delete` may delete."""

    folder: Path
    size: int  # bytes
    why_it_stays: str = ""


def kept(settings: Settings, *, log: Path) -> list[Kept]:
    """The folders that are there, each once, those that can be deleted first."""
    own = [Settings.model_fields[name].default for name in ("user_dir", "config_dir")] + [log.parent]
    candidates = [settings.user_dir, settings.config_dir, log.parent, settings.bases_dir]
    found: list[Kept] = []
    for folder in dict.fromkeys(candidates):
        inside = any(one.folder in folder.parents and not one.why_it_stays for one in found)
        if (folder.is_dir() or folder.is_symlink()) and not inside:
            found.append(Kept(folder, _size(folder), _why_it_stays(folder, own)))
    return sorted(found, key=lambda one: bool(one.why_it_stays))


def delete(folder: Path) -> None:
    """All of it; a link in it is deleted, what it leads to is not. Raises AutostartError (`purge_failed`)."""
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise AutostartError(
            f"{error.filename or folder} cannot be deleted: {error.strerror or error}. The rest of {folder} may be "
            "there still; run the same command again.",
            code="purge_failed",
        ) from error


def _why_it_stays(folder: Path, own: list[Path]) -> str:
    if folder.is_symlink():
        return f"it is a link to {folder.readlink()}"
    return "" if folder in own else "a setting put it there, and other things may be in it"


def _size(folder: Path) -> int:
    """In bytes; what links lead to is not counted, and what goes away meanwhile neither."""
    if folder.is_symlink():
        return 0
    return sum(_bytes(Path(parent) / name) for parent, _, names in os.walk(folder) for name in names)


def _bytes(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0
