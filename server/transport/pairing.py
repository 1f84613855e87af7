"""Who may talk to the server: Host and Origin rules, the pairing code, the mutual proof.

Called by app (before a socket is accepted), channel and client (the handshake). Knows no frames and no sockets.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Literal

from server.errors import NotPaired
from server.transport.keyfile import CLI_ORIGIN, KEY_BYTES

# Retinue's own extension (its manifest's `key` fixes the id). Others may pair as well, but the terminal says so.
EXTENSION_ORIGINS = frozenset({"chrome-extension://blogkbmmpnemlllefjjcboblekpiblgh"})
PBKDF2_ROUNDS = 600_000
_CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32 letters without 0/O and 1/I: 8 of them are 40 bits
CODE_LETTERS = 8
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
    """The code in the terminal: short-lived, a few tries, one use. `announce` shows each new code to the user."""

    def __init__(
        self,
        *,
        valid_s: float,
        tries_max: int,
        announce: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._valid_s = valid_s
        self._tries_max = tries_max
        self._announce = announce
        self._clock = clock
        self._code: str | None = None
        self._made_at = -valid_s
        self._tries = 0

    def issue(self) -> str:
        """Make and announce a new code, ABCD-EFGH; the old one is void."""
        letters = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(CODE_LETTERS))
        self._code = f"{letters[:4]}-{letters[4:]}"
        self._made_at, self._tries = self._clock(), 0
        self._announce(self._code)
        return self._code

    def take_try(self) -> str:
        """The code to prove against; counts one try. Raises NotPaired (`pairing_expired`, `pairing_locked`)."""
        left_s = self._made_at + self._valid_s - self._clock()
        if self._tries >= self._tries_max and left_s > 0:
            raise NotPaired(
                f"Too many wrong codes. Try again in {left_s:.0f} seconds with the new code of the terminal.",
                code="pairing_locked",
                retry_after_ms=int(left_s * 1000) + 1,
            )
        if self._code is None or left_s <= 0:
            self.issue()
            raise NotPaired("That code has expired. Type the new one that the terminal shows.", code="pairing_expired")
        self._tries += 1
        return self._code

    def use(self, code: str) -> None:
        """A proof with this code succeeded. Raises NotPaired when another proof was quicker or the time is over."""
        if code != self._code or self._made_at + self._valid_s <= self._clock():
            raise NotPaired("That code was used already. Start pairing again.", code="pairing_expired")
        self._code, self._tries = None, 0
