"""Puts an adapter in use in one step, keeps the earlier versions of a user's own, and brings one back. Called by cli
and training.

<user_dir>/copilots/<category>/<copilot>/_adapters/<base>/                the one in use
<user_dir>/copilots/<category>/<copilot>/_adapters/.versions/<base>/0001  earlier ones, the highest number is the newest
<user_dir>/copilots/<category>/<copilot>/_adapters/.<base>.new            one that is being made
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.catalog.layout import ADAPTERS
from server.catalog.locks import alone
from server.errors import CopilotError
from server.folders import exchange, recover, to_disk

SHIPPED = "shipped"  # what answers without one of the user's own
_NUMBER = re.compile(r"\d{4,9}")
_MADE = re.compile(r"\.(.+)\.(?:new|aside)")


@contextmanager
def writing(adapter: Path) -> Iterator[Path]:
    """An empty folder to make a new adapter in; nobody else writes this adapter meanwhile. At the end it is gone, with
    the folders above it that it needed, unless it was put somewhere.

    Raises CopilotError (`copilot_busy`), OSError.
    """
    with _alone(adapter):
        made = _made(adapter)
        missing = [folder for folder in adapter.parents if not folder.exists()]
        _clean(adapter)
        made.mkdir(parents=True)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
            with contextlib.suppress(OSError):  # not empty, or gone
                for folder in missing:
                    folder.rmdir()


def put_in_use(made: Path, adapter: Path) -> None:
    """The adapter that was in use becomes the newest earlier version. Called within `writing`. Raises OSError."""
    made.chmod(0o755)
    to_disk(made)
    if not adapter.exists():
        os.replace(made, adapter)
        return
    version = next_place(adapter)
    os.replace(made, version)  # a kill here leaves it among the versions: `restore` puts it in use
    exchange(version, adapter)


def restore(adapter: Path, name: str | None = None) -> Path | None:
    """An earlier version, the newest where none is named, and the adapter in use change places, so that a second time
    undoes it. `SHIPPED` puts the user's own away.

    Returns the version that is now in use, None when it is the one that ships.
    Raises CopilotError (`copilot_no_version`, `copilot_busy`), OSError.
    """
    with _alone(adapter):
        _clean(adapter)
        versions = [] if name == SHIPPED else [one for one in kept(adapter) if name in (None, one.name)]
        if name not in (None, SHIPPED) and not versions:
            raise CopilotError("This version of the adapter is not there any more.", code="copilot_no_version")
        if not versions and not adapter.is_dir():
            raise CopilotError("There is no earlier version of this adapter.", code="copilot_no_version")
        if not versions:
            os.replace(adapter, next_place(adapter))
            return None
        if adapter.is_dir():
            exchange(versions[-1], adapter)
        else:
            os.replace(versions[-1], adapter)
        return versions[-1]


def kept(adapter: Path) -> list[Path]:
    """Earlier versions of an adapter folder, oldest first."""
    folder = _place(adapter)
    found = [one for one in folder.iterdir() if _NUMBER.fullmatch(one.name)] if folder.is_dir() else []
    return sorted(found, key=lambda one: int(one.name))


def refused(adapter: Path) -> Path:
    """Where an adapter goes that its own report rejects, while an older one stays in use. Its parent is there."""
    place = refused_place(adapter)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def refused_place(adapter: Path) -> Path:
    return _place(adapter) / "refused"


def next_place(adapter: Path) -> Path:
    """The folder of the next version; it is not there yet."""
    folder = _place(adapter)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [int(one.name) for one in kept(adapter)]
    return folder / f"{max(numbers, default=0) + 1:04d}"


def clean(root: Path) -> None:
    """Take away what killed processes left below a root of copilots. What is being written or cannot be written is
    left alone. Called at start-up.
    """
    found = (folder for depth in ("*", "*/*") for folder in root.glob(f"{depth}/{ADAPTERS}/.*"))
    for adapter in {left.with_name(match[1]) for left in found if (match := _MADE.fullmatch(left.name))}:
        with contextlib.suppress(CopilotError, OSError), _alone(adapter):
            _clean(adapter)


def _clean(adapter: Path) -> None:
    shutil.rmtree(_made(adapter), ignore_errors=True)
    former = recover(adapter)
    if former is not None:
        os.replace(former, next_place(adapter))


def _alone(adapter: Path) -> contextlib.AbstractContextManager[None]:
    busy = "This adapter is being written by another process: a training or an import. Wait until it is done."
    return alone(adapter, refusal=CopilotError(busy, code="copilot_busy"))


def _made(adapter: Path) -> Path:
    return adapter.with_name(f".{adapter.name}.new")


def _place(adapter: Path) -> Path:
    return adapter.parent / ".versions" / adapter.name
