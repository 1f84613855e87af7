"""A server that others use over a network: what it must have before it listens, what it gives them, and who asked.

Called by listener, app and the HTTP API. Only the API is for others, with a key for each of them; nothing that they ask
is kept. Sockets, pairing and everything that they store stay with programs on this machine.
"""

import json
import logging
import os
import ssl
import time
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler

from server.errors import RetinueError
from server.settings import Settings
from server.transport.api.keys import ApiKeys

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PATHS = ("/v1/", "/healthz")
_FILE, _FILE_BYTES_MAX, _FILES_MAX = "audit.jsonl", 16 * 1024**2, 8


def is_beyond(settings: Settings) -> bool:
    """It listens beyond loopback: no request is known to come from this machine."""
    return settings.host not in LOOPBACK


def check_may_listen(settings: Settings) -> None:
    """Raises RetinueError (`host_refused`, `tls_unreadable`, `keys_missing`)."""
    if not is_beyond(settings):
        return
    if settings.tls_cert is None or settings.tls_key is None or not settings.public_name or not settings.host:
        raise RetinueError(
            f"On {settings.host or 'every address'} others could read what is asked: set --tls-cert, --tls-key and "
            "--public-name. Without them Retinue listens on this machine only (127.0.0.1).",
            code="host_refused",
        )
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise RetinueError("The certificate or its key cannot be read, or they do not belong together.",
                           code="tls_unreadable") from error  # fmt: skip
    if not ApiKeys(settings.config_dir).all():
        raise RetinueError("Nobody could ask: `retinue keys create NAME` makes a key for each user.",
                           code="keys_missing")  # fmt: skip


def is_for_others(host: str, settings: Settings) -> bool:
    """A request with this Host header may come from another machine."""
    return is_beyond(settings) or names_us(host, settings)


def names_us(host: str, settings: Settings) -> bool:
    """The Host header has the public name, with or without a port: a proxy may have another one."""
    name, _, port = host.strip().lower().partition(":")
    return bool(settings.public_name) and name == settings.public_name.lower() and (not port or port.isdecimal())


class _PrivateFile(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600))


class Audit:
    """One line of JSON for each request: when, whose key, what, which copilot, how it went. Never a word of a page, a
    question or an answer. `<user_dir>/audit.jsonl`, mode 0600, 128 MiB at most; nothing while the server is not shared.
    """

    def __init__(self, settings: Settings) -> None:
        self._file: _PrivateFile | None = None
        if is_beyond(settings) or settings.public_name:
            settings.user_dir.mkdir(parents=True, exist_ok=True)
            path = settings.user_dir / _FILE
            self._file = _PrivateFile(path, maxBytes=_FILE_BYTES_MAX, backupCount=_FILES_MAX - 1, delay=True)

    def note(self, *, what: str, key: str = "", copilot: str = "", code: str = "ok") -> None:
        if self._file is None:
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = json.dumps({"at": now, "key": key, "what": what, "copilot": copilot, "code": code})
        self._file.emit(logging.LogRecord("audit", logging.INFO, "", 0, line, None, None))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
