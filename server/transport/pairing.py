"""Who may talk to the server: Host and Origin rules, the pairing code, the mutual proof.

Called by app (before a socket is accepted), channel and client (the handshake). Knows no frames and no sockets.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from server.errors import NotPaired
from server.files import replace_file
from server.settings import Settings
from server.transport.keyfile import CLI_ORIGIN, KEY_BYTES

# Retinue's own extension (its manifest's `key` fixes the id). Others may pair as well, but the terminal says so.
EXTENSION_ORIGINS = frozenset({"chrome-extension://blogkbmmpnemlllefjjcboblekpiblgh"})
PBKDF2_ROUNDS = 600_000
_CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32 letters without 0/O and 1/I: 8 of them are 40 bits
CODE_LETTERS = 8
_CODE_FILE = "pairing-code.json"
_CODE_FILE_BYTES_MAX = 1024
_RENEWED_EVERY_S = 10.0  # at most so often does guessing bring a new code to the terminal
_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_CHROME_ORIGIN = re.compile(r"chrome-extension://[a-p]{32}")
_FIREFOX_ORIGIN = re.compile(r"moz-extension://[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def host_allowed(host: str | None, *, port: int) -> bool:
    """Only loopback names with our own port: a name that a website made point to us (DNS rebinding) is refused."""
    if host is None:
        return False
    name, colon, number = host.strip().lower().rpartition(":")
    if not colon or name.endswith(":") or (number.endswith("]") and name.startswith("[")):
        name, number = host.strip().lower(), "80"
    return name in _HOSTS and number == str(port)


def origin_allowed(origin: str | None) -> bool:
    """Extensions and our own command line may knock; websites, `null` and a missing Origin may not."""
    if origin is None:
        return False
    return origin == CLI_ORIGIN or bool(_CHROME_ORIGIN.fullmatch(origin) or _FIREFOX_ORIGIN.fullmatch(origin))


def derive_key(code: str, *, nonce_client: str, nonce_server: str) -> bytes:
    """The key that both sides make from the typed code. 0.1 to 0.5 s of work: call it in a thread."""
    letters = code.upper().replace(" ", "").replace("-", "")
    salt = f"retinue-pair|{nonce_client}|{nonce_server}"
    return hashlib.pbkdf2_hmac("sha256", letters.encode(), salt.encode(), PBKDF2_ROUNDS, KEY_BYTES)


def mac(
    role: Literal["server", "client"],
    key: bytes,
    *,
    version: int,
    nonce_client: str,
    nonce_server: str,
    origin: str,
    port: int,
) -> str:
    """64 hex characters that prove the key for this one socket."""
    message = f"{role}|{version}|{nonce_client}|{nonce_server}|{origin}|{port}"
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()


def same(given: str, expected: str) -> bool:
    """Constant-time comparison, on bytes because compare_digest refuses non-ASCII text."""
    return hmac.compare_digest(given.encode(), expected.encode())


def new_nonce() -> str:
    return secrets.token_hex(32)


class PairingCode:
    """The code in the terminal: short-lived, a few tries for each Origin, one use. `announce` shows each new code.

    With a `file` the command line can make a new one beside a running server, and reading the file is its proof of
    being this user; without one the code stays in memory.
    """

    def __init__(
        self,
        *,
        valid_s: float,
        tries_max: int,
        tries_in_all_max: int,
        announce: Callable[[str], None],
        file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._valid_s, self._tries_max, self._tries_in_all_max = valid_s, tries_max, tries_in_all_max
        self._announce, self._file, self._clock = announce, file, clock
        self._issued: _Issued | None = None
        self._tries: Counter[str] = Counter()  # of the code in use, by Origin

    @classmethod
    def for_settings(cls, settings: Settings, *, announce: Callable[[str], None]) -> "PairingCode":
        return cls(
            valid_s=settings.pairing_s,
            tries_max=settings.pairing_tries_max,
            tries_in_all_max=settings.pairing_tries_in_all_max,
            announce=announce,
            file=settings.config_dir / _CODE_FILE,
        )

    def issue(self) -> str:
        """Make and announce a new code, ABCD-EFGH; the old one is void."""
        letters = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(CODE_LETTERS))
        code = f"{letters[:4]}-{letters[4:]}"
        self._keep(_Issued(code=code, at_s=self._clock()))
        self._announce(code)
        return code

    def take_try(self, origin: str) -> str:
        """The code to prove against; counts one try of this Origin. Others have their own: a stranger cannot lock the
        owner out. Raises NotPaired (`pairing_expired`, `pairing_locked`).
        """
        left_s = self._left_s()
        guessed = self._tries.total() >= self._tries_in_all_max
        if left_s <= 0 or (guessed and left_s < self._valid_s - _RENEWED_EVERY_S):
            self.issue()
            raise NotPaired("That code has expired. Type the new one that the terminal shows.", code="pairing_expired")
        if guessed or self._tries[origin] >= self._tries_max:
            raise NotPaired(
                f"Too many wrong codes. Run `retinue pair code` for a new one, or try again in {left_s:.0f} seconds.",
                code="pairing_locked",
                retry_after_ms=int(left_s * 1000) + 1,
            )
        self._tries[origin] += 1
        assert self._issued is not None  # noqa: S101 - it has time left
        return self._issued.code

    def use(self, code: str) -> None:
        """A proof with this code succeeded. Raises NotPaired when another proof was quicker or the time is over."""
        if self._left_s() <= 0 or self._issued is None or code != self._issued.code:
            raise NotPaired("That code was used already. Start pairing again.", code="pairing_expired")
        self._keep(None)

    def _left_s(self) -> float:
        """Of the code in use, which another process may have renewed."""
        issued = _read_code(self._file) if self._file is not None else self._issued
        if issued != self._issued:
            self._issued = issued
            self._tries.clear()
        return issued.at_s + self._valid_s - self._clock() if issued is not None else 0.0

    def _keep(self, issued: "_Issued | None") -> None:
        self._issued = issued
        self._tries.clear()
        if self._file is None:
            return
        if issued is None:
            self._file.unlink(missing_ok=True)
            return
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self._file, issued.model_dump_json(), mode=0o600)


class _Issued(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(pattern=rf"^[{_CODE_ALPHABET}]{{4}}-[{_CODE_ALPHABET}]{{4}}$")
    at_s: float = Field(allow_inf_nan=False)


def _read_code(file: Path) -> _Issued | None:
    """None when there is none, or the file is damaged: a new code takes its place."""
    try:
        with file.open("rb") as opened:
            return _Issued.model_validate_json(opened.read(_CODE_FILE_BYTES_MAX))
    except (OSError, ValueError):
        return None
