"""The file that remembers who is paired: one 32-byte key for each Origin. Called by channel, client and cli.

`<config_dir>/pairing.json`, mode 0600 in a folder of mode 0700, replaced atomically. Knows no frames and no codes.
"""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from server.errors import RetinueError

CLI_ORIGIN = "retinue://cli"
_NAME = "pairing.json"
_BYTES_MAX = 256 * 1024
KEY_BYTES = 32


class KeyFile:
    """Reads the file again whenever it changed, so that a revoked key is gone at once in a running server."""

    def __init__(self, config_dir: Path) -> None:
        self.path = config_dir / _NAME
        self._seen: tuple[int, int, int] | None = None
        self._keys: dict[str, bytes] = {}

    def key(self, origin: str) -> bytes | None:
        return self._read().get(origin)

    def origins(self) -> list[str]:
        return sorted(self._read())

    def ensure_cli_key(self) -> bytes:
        """The command line's own key, made at the first start. Reading the file is its proof of being this user."""
        known = self.key(CLI_ORIGIN)
        if known is None:
            known = secrets.token_bytes(KEY_BYTES)
            self.store(CLI_ORIGIN, known)
        return known

    def store(self, origin: str, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._write({**self._read(), origin: key})

    def revoke(self, origin: str) -> bool:
        """Forget an Origin. False when it was not paired."""
        keys = dict(self._read())
        if keys.pop(origin, None) is None:
            return False
        self._write(keys)
        return True

    def _read(self) -> Mapping[str, bytes]:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._seen, self._keys = None, {}
            return self._keys
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen != self._seen:
            self._keys = self._parse()
            self._seen = seen
        return self._keys

    def _parse(self) -> dict[str, bytes]:
        try:
            if self.path.stat().st_size > _BYTES_MAX:
                raise ValueError("too large")
            content = json.loads(self.path.read_text(encoding="utf-8"))
            keys = {str(origin): bytes.fromhex(key) for origin, key in content["keys"].items()}
            if any(len(key) != KEY_BYTES for key in keys.values()):
                raise ValueError("a key has the wrong length")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RetinueError(
                f"The pairing file {self.path} cannot be read. Delete it and pair again.",
                code="pairing_file_unreadable",
            ) from error
        return keys

    def _write(self, keys: Mapping[str, bytes]) -> None:
        folder = self.path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        content = json.dumps({"version": 1, "keys": {origin: key.hex() for origin, key in keys.items()}}, indent=1)
        write_atomically(self.path, content.encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Readable by this user only; after a crash the file is the old one or the new one, never half of either."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
