"""Keeps earlier versions of a user's own adapter, and brings one back. Called by cli and training.

<user_dir>/copilots/<category>/<copilot>/_adapters/<base>/                the one in use
<user_dir>/copilots/<category>/<copilot>/_adapters/.versions/<base>/0001  earlier ones, the highest number is the newest
"""

import os
import re
import shutil
from pathlib import Path

from server.errors import CopilotError

_NUMBER = re.compile(r"\d{4}")


def kept(adapter: Path) -> list[Path]:
    """Earlier versions of an adapter folder, oldest first."""
    folder = _place(adapter)
    return sorted(one for one in folder.iterdir() if _NUMBER.fullmatch(one.name)) if folder.is_dir() else []


def keep(adapter: Path) -> Path | None:
    """Copy the adapter in use among the earlier versions; None when there is none. It stays in use."""
    if not adapter.is_dir():
        return None
    version = next_place(adapter)
    copy = version.with_name(f".{version.name}")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(adapter, copy)
    os.replace(copy, version)
    return version


def restore(adapter: Path) -> Path | None:
    """Put the newest earlier version in use; what was in use becomes the newest version, so this can be undone.

    Returns the version that is now in use, None when it is the one that ships (the user's was put away).
    Raises CopilotError (`copilot_no_version`).
    """
    versions = kept(adapter)
    if not versions and not adapter.is_dir():
        raise CopilotError("There is no earlier version of this adapter.", code="copilot_no_version")
    aside = next_place(adapter)
    if adapter.is_dir():
        os.replace(adapter, aside)
    if not versions:
        return None
    os.replace(versions[-1], adapter)
    return versions[-1]


def refused(adapter: Path) -> Path:
    """Where an adapter goes that its own report rejects, while an older one stays in use."""
    return _place(adapter) / "refused"


def next_place(adapter: Path) -> Path:
    """The folder of the next version; it is not there yet."""
    folder = _place(adapter)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [int(one.name) for one in kept(adapter)]
    return folder / f"{max(numbers, default=0) + 1:04d}"


def _place(adapter: Path) -> Path:
    return adapter.parent / ".versions" / adapter.name
