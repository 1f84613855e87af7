"""Keys of the HTTP API: made by `retinue keys create`, looked up by routes. Only a key's hash is kept.

`<config_dir>/api_keys.json`, mode 0600, is written by the command alone; on which day a key was last used stands in a
file of its own, written by the server, so that neither undoes what the other writes. A key has 256 random bits, so one
round of SHA-256 is as good as a slow hash.
"""

import contextlib
import hashlib
import hmac
import secrets
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from server.errors import RetinueError
from server.files import read_regular, replace_file

_NAME, _USED = "api_keys.json", "api_keys_used.json"
_BYTES_MAX = 256 * 1024
_PREFIX = "retinue-"
KEYS_MAX = 100


class ApiKey(BaseModel):
    """`copilots`: what it may ask, as ids or categories; empty: all. Days are UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[\w.@-]{1,64}$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    created: date
    copilots: tuple[str, ...] = ()

    def may_ask(self, copilot: str) -> bool:
        return not self.copilots or copilot in self.copilots or copilot.partition("/")[0] in self.copilots


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int = Field(1, ge=1, le=1)
    keys: list[ApiKey] = Field(default=[], max_length=KEYS_MAX)


_DAYS: TypeAdapter[dict[str, date]] = TypeAdapter(dict[str, date])


class ApiKeys:
    """Reads the file again whenever it changed, so that a revoked key is gone at once in a running server."""

    def __init__(self, config_dir: Path) -> None:
        self.path, self._used_file = config_dir / _NAME, config_dir / _USED
        self._seen: tuple[int, int, int] | None = None
        self._keys: tuple[ApiKey, ...] = ()

    def all(self) -> tuple[ApiKey, ...]:
        """Raises RetinueError (`keys_unreadable`)."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._seen, self._keys = None, ()
            return self._keys
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen != self._seen:
            self._keys, self._seen = self._read(), seen
        return self._keys

    def create(self, name: str, *, copilots: tuple[str, ...] = ()) -> str:
        """The new key, which is shown once. Raises RetinueError (`key_exists`, `key_invalid`)."""
        known = self.all()
        if any(key.name == name for key in known):
            raise RetinueError(f"There is a key {name} already. Revoke it, or choose another name.", code="key_exists")
        secret = _PREFIX + secrets.token_urlsafe(32)
        try:
            made = ApiKey(name=name, sha256=_hash(secret), created=_today(), copilots=copilots)
            self._write([*known, made])
        except ValidationError as error:
            raise RetinueError(
                f"A key's name has letters, digits and . @ _ - only, at most 64; there are at most {KEYS_MAX} keys.",
                code="key_invalid",
            ) from error
        return secret

    def revoke(self, name: str) -> bool:
        """False when there is no such key."""
        known = self.all()
        left = [key for key in known if key.name != name]
        if len(left) == len(known):
            return False
        self._write(left)
        return True

    def find(self, secret: str) -> ApiKey | None:
        """The key that this is, its day of last use noted. Every key is compared, in the same time. Reads and now and
        then writes files: call it in a thread.
        """
        presented = _hash(secret)
        found = [key for key in self.all() if hmac.compare_digest(key.sha256, presented)]
        if not found:
            return None
        self._note_use(found[0].name)
        return found[0]

    def last_used(self) -> dict[str, date]:
        """Name of a key -> the day of its last use. Empty where that is not known."""
        try:
            return _DAYS.validate_json(read_regular(self._used_file, bytes_max=_BYTES_MAX))
        except (OSError, ValueError):
            return {}

    def _note_use(self, name: str) -> None:
        """A day that cannot be noted refuses nobody."""
        with contextlib.suppress(OSError):
            known = self.last_used()
            if known.get(name) != _today():
                names = {key.name for key in self.all()}
                days = {other: day for other, day in known.items() if other in names} | {name: _today()}
                replace_file(self._used_file, _DAYS.dump_json(days, indent=1), mode=0o600)

    def _read(self) -> tuple[ApiKey, ...]:
        try:
            return tuple(_Stored.model_validate_json(read_regular(self.path, bytes_max=_BYTES_MAX)).keys)
        except (OSError, ValueError) as error:
            raise RetinueError(
                f"The file of API keys {self.path} cannot be read. Delete it and create the keys again.",
                code="keys_unreadable",
            ) from error

    def _write(self, keys: list[ApiKey]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self.path, _Stored(keys=keys).model_dump_json(indent=1), mode=0o600)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _today() -> date:
    return datetime.now(UTC).date()
