"""The file that remembers who is paired: one 32-byte key for each browser profile. Called by channel, client and cli.

`<config_dir>/pairing.json`, mode 0600 in a folder of mode 0700, replaced atomically. Knows no frames and no codes.
"""

import datetime
import hashlib
import logging
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from server.errors import RetinueError
from server.files import replace_file

_log = logging.getLogger(__name__)
CLI_ORIGIN = "retinue://cli"
_NAME = "pairing.json"
_BYTES_MAX = 256 * 1024
KEY_BYTES = 32
_FOR_OTHERS = 0o077


class Pairing(BaseModel):
    """A paired browser profile. `client` is its own random id, empty where an older extension sent none; `name` and
    `paired_on` are for people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: str
    client: str = ""
    name: str = ""
    key_hex: str = Field(pattern=rf"^[0-9a-f]{{{2 * KEY_BYTES}}}$")
    paired_on: str = ""

    @property
    def key(self) -> bytes:
        return bytes.fromhex(self.key_hex)

    @property
    def id(self) -> str:
        """Eight hex digits by which a person names it."""
        return hashlib.sha256(f"{self.origin}|{self.client}".encode()).hexdigest()[:8]


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int = 2
    pairings: list[Pairing]


class _ContentOfVersion1(BaseModel):
    """One key for each Origin."""

    version: int = 1
    keys: dict[str, str]

    def renewed(self) -> _Content:
        return _Content(pairings=[Pairing(origin=origin, key_hex=key) for origin, key in self.keys.items()])


_CONTENT: TypeAdapter[_Content | _ContentOfVersion1] = TypeAdapter(_Content | _ContentOfVersion1)


class KeyFile:
    """Reads the file again whenever it changed, so that a revoked key is gone at once in a running server."""

    def __init__(self, config_dir: Path) -> None:
        self.path = config_dir / _NAME
        self._seen: tuple[int, int, int] | None = None
        self._pairings: dict[tuple[str, str], Pairing] = {}

    def find(self, origin: str, client: str = "") -> Pairing | None:
        """The pairing of a browser profile, or that of its Origin from before profiles had ids."""
        known = self._read()
        return known.get((origin, client)) or known.get((origin, ""))

    def key(self, origin: str, client: str = "") -> bytes | None:
        found = self.find(origin, client)
        return found.key if found is not None else None

    def pairings(self) -> list[Pairing]:
        return sorted(self._read().values(), key=lambda one: (one.origin, one.paired_on, one.client))

    def origins(self) -> list[str]:
        return sorted({one.origin for one in self._read().values()})

    def paired(self, origin: str) -> bool:
        return any(known == origin for known, _ in self._read())

    def holds(self, pairing: Pairing) -> bool:
        """Whether it was not revoked, and not paired anew."""
        return self._read().get((pairing.origin, pairing.client)) == pairing

    def ensure_cli_key(self) -> bytes:
        """The command line's own key, made at the first start. Reading the file is its proof of being this user."""
        known = self.key(CLI_ORIGIN)
        return known if known is not None else self.store(CLI_ORIGIN, secrets.token_bytes(KEY_BYTES)).key

    def store(self, origin: str, key: bytes, *, client: str = "", name: str = "") -> Pairing:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        made = Pairing(origin=origin, client=client, name=name, key_hex=key.hex(), paired_on=today)
        self._write({**self._read(), (origin, client): made}.values())
        return made

    def revoke(self, which: str) -> list[Pairing]:
        """Forget one pairing by its id, or all of an Origin. Gives those that are gone."""
        known = self._read().values()
        gone = [one for one in known if which in (one.id, one.origin)]
        if gone:
            self._write(one for one in known if one not in gone)
        return gone

    def _read(self) -> dict[tuple[str, str], Pairing]:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._seen, self._pairings = None, {}
            return self._pairings
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if os.name == "posix" and stat.st_mode & _FOR_OTHERS:
            self._close_to_others()
        if seen != self._seen:
            self._pairings = self._parse()
            self._seen = seen
        return self._pairings

    def _close_to_others(self) -> None:
        """A copied or restored file can be readable by everyone. Raises RetinueError (`pairing_file_exposed`)."""
        try:
            self.path.chmod(0o600)
        except OSError as error:
            raise RetinueError(
                f"Others can read the pairing file {self.path}. Delete it and pair again.", code="pairing_file_exposed"
            ) from error
        _log.warning("%s was readable by other users; now it is not. Pair again if they may have read it.", self.path)

    def _parse(self) -> dict[tuple[str, str], Pairing]:
        try:
            with self.path.open("rb") as file:
                content = file.read(_BYTES_MAX + 1)
            if len(content) > _BYTES_MAX:
                raise ValueError("too large")
            read = _CONTENT.validate_json(content)
            pairings = read.renewed() if isinstance(read, _ContentOfVersion1) else read
        except (OSError, ValueError, ValidationError) as error:
            raise RetinueError(
                f"The pairing file {self.path} cannot be read. Delete it and pair again.",
                code="pairing_file_unreadable",
            ) from error
        return {(one.origin, one.client): one for one in pairings.pairings}

    def _write(self, pairings: Iterable[Pairing]) -> None:
        folder = self.path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        replace_file(self.path, _Content(pairings=list(pairings)).model_dump_json(indent=1), mode=0o600)
