"""Registers a program with the system, once, and takes that back. Called by cli and doctor.

A launcher is data: a file, and the commands that make the system read it. What somebody else put there is never
overwritten, and a registration that fails leaves what was there before.
"""

import contextlib
import errno
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from server.errors import AutostartError
from server.files import replace_file
from server.launcher.commands import NOT_THERE, Run, Step

MARKER = "Made by `retinue install`; `retinue uninstall` removes it."
_FILE_BYTES_MAX = 1024 * 1024
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))

State = Literal["off", "foreign", "other", "switched_off", "on"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """One way of a system to start a program at login."""

    kind: str  # for people: "systemd user unit"
    place: str  # where it is registered, for people
    file: Path
    content: bytes
    encoding: str
    signature: str  # stands in a registration that is exactly this one
    folders: tuple[Path, ...]  # must be there when the program starts
    logs: str  # where its output goes, for people
    reach: tuple[str, ...]  # fails where the system takes no registrations from this session
    unreachable: str
    query: tuple[str, ...] = ()  # prints what is registered; without it, `file` is the registration
    enabled: tuple[str, ...] = ()  # fails where a registration was switched off
    load: tuple[Step, ...]  # after the file was written
    start: tuple[Step, ...]
    restart: tuple[Step, ...]  # after a change
    stop: tuple[Step, ...]
    forget: tuple[Step, ...]  # after the file was deleted
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.content.decode(self.encoding)

    def plan(self, *, now: bool) -> list[str]:
        """The commands of a first registration, as a shell would take them."""
        steps = (*self.load, *(self.restart if now else ()))
        return [shlex.join(one.argv) for one in steps]


def state(launcher: Launcher, run: Run) -> State:
    """`foreign`: not ours. `other`: ours, for another program or other settings. `switched_off`: not at login."""
    found = _found(launcher, run)
    if found is None:
        return "off"
    if MARKER not in found:
        return "foreign"
    if launcher.signature not in found:
        return "other"
    return "switched_off" if launcher.enabled and run(launcher.enabled).status else "on"


def register(launcher: Launcher, run: Run, *, now: bool, force: bool = False) -> bool:
    """False when it was registered before, exactly so.

    Raises AutostartError (`autostart_unreachable`, `autostart_foreign`, `autostart_failed`, `autostart_unwritable`,
    `autostart_disk_full`).
    """
    _check_reach(launcher, run)
    was = state(launcher, run)
    if was == "foreign" and not force:
        raise AutostartError(
            f"{launcher.place} is there and was not made by `retinue install`. Look at it; --force replaces it.",
            code="autostart_foreign",
        )
    if was == "on":
        _carry_out(launcher.start if now else (), run)
        return False
    before = _read(launcher.file)
    try:
        for folder in launcher.folders:
            folder.mkdir(parents=True, exist_ok=True)
        replace_file(launcher.file, launcher.content, mode=0o600)
        _carry_out(launcher.load, run)
    except AutostartError:
        _put_back(launcher.file, before)
        raise
    except OSError as error:
        raise _as_refusal(error, launcher.file) from error
    _carry_out(launcher.restart if now else (), run)
    return True


def unregister(launcher: Launcher, run: Run) -> bool:
    """Stop the program and remove the registration. False when there was none.

    Raises AutostartError (`autostart_foreign`, `autostart_unwritable`, and `autostart_failed` where the registration is
    gone but a command failed).
    """
    was = state(launcher, run)
    if was == "off":
        return False
    if was == "foreign":
        raise AutostartError(
            f"{launcher.place} was not made by `retinue install` and stays. Remove it by hand if you want that.",
            code="autostart_foreign",
        )
    failure = _first_failure(launcher.stop, run)
    try:
        launcher.file.unlink(missing_ok=True)
    except OSError as error:
        raise _as_refusal(error, launcher.file) from error
    failure = failure or _first_failure(launcher.forget, run)
    if failure is not None:
        raise AutostartError(
            f"{launcher.place} is removed, but the server may still run: {failure.message}", code=failure.code
        )
    return True


def _check_reach(launcher: Launcher, run: Run) -> None:
    done = run(launcher.reach)
    if done.status == NOT_THERE:
        raise AutostartError(f"{done.said}: this system cannot be told to start Retinue.", code="autostart_unreachable")
    if done.status:
        reason = f" ({_one_line(done.said)})" if done.said else ""
        raise AutostartError(f"{launcher.unreachable}{reason}", code="autostart_unreachable")


def _carry_out(steps: Sequence[Step], run: Run) -> None:
    failure = _first_failure(steps, run, go_on=False)
    if failure is not None:
        raise failure


def _first_failure(steps: Sequence[Step], run: Run, *, go_on: bool = True) -> AutostartError | None:
    first: AutostartError | None = None
    for one in steps:
        done = run(one.argv)
        if done.status == 0 or one.may_fail:
            continue
        said = f": {_one_line(done.said)}" if done.said else ""
        first = first or AutostartError(
            f"`{shlex.join(one.argv)}` failed with status {done.status}{said}.", code="autostart_failed"
        )
        if not go_on:
            break
    return first


def _found(launcher: Launcher, run: Run) -> str | None:
    """What is registered under our name, or None. A link is somebody's own, wherever it leads."""
    if launcher.query:
        done = run(launcher.query)
        return done.said if done.status == 0 else None
    if launcher.file.is_symlink():
        return ""
    content = _read(launcher.file)
    return None if content is None else content.decode(launcher.encoding, errors="replace")


def _read(file: Path) -> bytes | None:
    try:
        if not file.is_file():
            return b"" if file.exists() else None  # a folder or a pipe of that name is not ours
        with file.open("rb") as stream:
            return stream.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise _as_refusal(error, file) from error


def _put_back(file: Path, before: bytes | None) -> None:
    with contextlib.suppress(OSError):
        if before is None:
            file.unlink(missing_ok=True)
        else:
            replace_file(file, before, mode=0o600)


def _as_refusal(error: OSError, file: Path) -> AutostartError:
    where = error.filename or file
    if error.errno in _FULL:
        return AutostartError(
            f"The disk of {where} is full. Make room, then run the same command again.", code="autostart_disk_full"
        )
    return AutostartError(f"{where} cannot be changed: {error.strerror or error}.", code="autostart_unwritable")


def _one_line(said: str) -> str:
    return " ".join(said.split())[:300].rstrip(".")
