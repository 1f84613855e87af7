"""Where an engine elsewhere is, and whether the user allowed it. Called by compose, before anything is sent.

A page's text leaves this machine only over https, to a host that was named, and after an explicit yes.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from server.errors import EngineError
from server.settings import Settings

_URL_CHARS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Address:
    """`api`: the address with its path, without a slash at the end. `host`: empty when it is this very machine."""

    api: str
    host: str

    @property
    def root(self) -> str:
        """For what servers keep beside OpenAI's routes."""
        return self.api.removesuffix("/v1")


def address_of(settings: Settings) -> Address:
    """Raises EngineError (`engine_url_missing`, `engine_url_invalid`, `engine_url_insecure`, `engine_not_allowed`)."""
    given = settings.engine_url.strip()
    if not given:
        raise EngineError("Name the server: `--url http://127.0.0.1:11434/v1`, say.", code="engine_url_missing")
    try:
        parts = urlsplit(given)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _invalid("cannot be read") from None
    if len(given) > _URL_CHARS_MAX or not given.isascii() or not given.isprintable() or " " in given:
        raise _invalid("has characters that an address cannot have")
    if parts.scheme not in ("http", "https") or not host:
        raise _invalid("does not begin with http:// or https:// and a host")
    if parts.username is not None or parts.query or parts.fragment or "@" in parts.netloc:
        raise _invalid("holds a key or a query; keys go into `retinue engine key`")
    api = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}"
    if is_loopback(host):
        return Address(api, "")
    if parts.scheme != "https":
        raise EngineError(
            f"{host} is another machine: its address must begin with https://.", code="engine_url_insecure"
        )
    if not settings.engine_remote_allowed:
        raise EngineError(
            f"With this engine the text of every page you ask about is sent to {host}. If you want that, start with "
            "--allow-remote, or set RETINUE_ENGINE_REMOTE_ALLOWED=true.",
            code="engine_not_allowed",
        )
    return Address(api, host if port is None else f"{host}:{port}")


def is_loopback(host: str) -> bool:
    """By its name alone: nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _invalid(why: str) -> EngineError:
    return EngineError(f"The engine's address {why}.", code="engine_url_invalid")
