"""The program that is started with the machine: its command, environment and folders, as they are for this user now.

Called by cli and doctor. Knows no system's file format.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_log_path

from server.errors import AutostartError
from server.settings import Settings

_ENVIRONMENT = ("XDG_CONFIG_HOME", "XDG_DATA_HOME")
_PREFIX = "RETINUE_"
_SECRETS = ("RETINUE_ENGINE_KEY",)  # `retinue engine key` keeps it where only the user can read it


@dataclass(frozen=True, slots=True)
class Program:
    """`environment` is what the settings of this moment come from, `folders` are those that the server writes to."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folders: tuple[Path, ...]
    log: Path  # for systems without a journal


def program_here(
    settings: Settings, *, interpreter: str = sys.executable, environment: Mapping[str, str] = os.environ
) -> Program:
    """`retinue serve` by the interpreter that runs now. Raises AutostartError (`autostart_path`)."""
    kept = {
        name: value
        for name, value in sorted(environment.items())
        if (name.startswith(_PREFIX) and name not in _SECRETS) or name in _ENVIRONMENT
    }
    program = Program(
        command=(interpreter, "-u", "-P", "-m", "server", "serve"),
        environment=kept,
        folders=_outermost(settings.user_dir, settings.config_dir, settings.bases_dir),
        log=user_log_path("retinue") / "server.log",
    )
    for text in (*program.command, *kept.values(), *map(str, program.folders), str(program.log)):
        _check(text)
    return program


def _outermost(*folders: Path) -> tuple[Path, ...]:
    """Absolute and in order, without those that lie in another one."""
    absolute = sorted({folder.absolute() for folder in folders})
    return tuple(one for one in absolute if not any(other in one.parents for other in absolute))


def _check(text: str) -> None:
    """No format of a registration holds these; and a name with a line break in it is no accident."""
    if text.isprintable() and _is_unicode(text):
        return
    raise AutostartError(
        f"{text!r} holds a character that cannot be written into a registration. Rename it, and install again.",
        code="autostart_path",
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a name that is no UTF-8 on disk
        return False
    return True
