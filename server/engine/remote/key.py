"""The key of an engine elsewhere: from the environment, else from a file that only this user can read.

`<config_dir>/engine.key`, mode 0600 in a folder of mode 0700. Called by compose and the command line. A key is never
printed, logged or part of an error.
"""

import logging
import os
import re
from pathlib import Path

from server.errors import EngineError
from server.files import read_regular, replace_file
from server.settings import Settings

_log = logging.getLogger(__name__)
_NAME = "engine.key"
_KEY = re.compile(r"[\x21-\x7e]{1,4096}")
_BYTES_MAX = 8 * 1024
_FOR_OTHERS = 0o077


def key_path(settings: Settings) -> Path:
    return settings.config_dir / _NAME


def read_key(settings: Settings) -> str:
    """Empty where there is none. Raises EngineError (`engine_key_unreadable`)."""
    given = settings.engine_key.get_secret_value()
    return checked(given) if given else _from_file(key_path(settings))


def store_key(settings: Settings, key: str) -> Path:
    """Raises EngineError (`engine_key_unreadable`) and OSError."""
    path = key_path(settings)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    replace_file(path, checked(key) + "\n", mode=0o600)
    return path


def checked(key: str) -> str:
    """A key goes into a header: one word of printable ASCII."""
    if not _KEY.fullmatch(key.strip()):
        raise EngineError("The engine's key must be one word of printable characters.", code="engine_key_unreadable")
    return key.strip()


def _from_file(path: Path) -> str:
    try:
        content = read_regular(path, bytes_max=_BYTES_MAX)
        if os.name == "posix" and path.stat().st_mode & _FOR_OTHERS:
            path.chmod(0o600)
            _log.warning("%s was readable by other users; now it is not. Renew the key if they may have read it.", path)
        return checked(content.decode("ascii"))
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise EngineError(
            f"The key file {path} cannot be read. Store the key again with `retinue engine key`.",
            code="engine_key_unreadable",
        ) from error
