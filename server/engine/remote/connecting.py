"""A server elsewhere, as the sidebar names it: the address checked as the command line's is, and which key goes there.

Made by compose, called by the engine's desk. A stored key belongs to the one address that it was stored for; it is
never sent back and never to another.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from server.engine.remote.address import Address, address_of, is_loopback
from server.engine.remote.key import checked, key_path, read_key, store_key
from server.errors import EngineError
from server.settings import Settings
from server.text.page import clean

MODELS_MAX = 200
_MODEL_CHARS_MAX = 200
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Connection:
    """`key`: what is sent there. `is_new`: it was given now, and is to be stored."""

    settings: Settings
    address: Address
    key: str
    is_new: bool

    @property
    def host(self) -> str:
        """The other machine; empty for this one."""
        return self.address.host

    def keep_key(self) -> None:
        """There is one key, that of the server that answers. Raises OSError, EngineError."""
        if self.is_new:
            store_key(self.settings, self.key)
        elif not self.key:
            key_path(self.settings).unlink(missing_ok=True)

    async def models(self) -> list[str]:
        """Their names, as the server gives them; empty where it does not say. Raises EngineError, Busy."""
        from server.engine.remote.client import Client  # httpx takes a while to import

        client = Client(self.settings, self.address, key=self.key)
        try:
            names = [card.id for card in await client.models()]
        except EngineError as error:
            if error.code != "engine_model_unknown":  # no such route: some gateways list nothing
                raise
            return []
        finally:
            await client.close()
        return [name for name in names if len(name) <= _MODEL_CHARS_MAX and clean(name)[0] == name][:MODELS_MAX]


class Elsewhere:
    def connection(
        self, settings: Settings, *, url: str, model: str, key: str | None, may_leave: bool, port: int
    ) -> Connection:
        """`settings`: those of now; `port`: our own. Raises EngineError, as `address_of`, and `engine_url_itself`,
        `engine_pinned`, `engine_key_unreadable`.
        """
        chosen = {
            "engine": "openai", "engine_url": url.strip(), "engine_model": model.strip(), "engine_answers_as": "",
            "engine_remote_allowed": may_leave,
        }  # fmt: skip
        wanted = settings.model_copy(update=chosen)
        address = address_of(wanted)
        if _is_ours(address.api, port):
            raise EngineError("That is the address of Retinue itself.", code="engine_url_itself")
        given = (key or "").strip()
        same = _origin(wanted.engine_url) == _origin(settings.engine_url)
        if settings.engine_key.get_secret_value() and (given or not same):
            message = "RETINUE_ENGINE_KEY is set, and belongs to one server. Unset it to connect from here."
            raise EngineError(message, code="engine_pinned")
        used = checked(given) if given else read_key(settings) if same else ""
        return Connection(wanted, address, used, is_new=bool(given))

    def has_key(self, settings: Settings) -> bool:
        try:
            return bool(read_key(settings))
        except EngineError:
            return False


def _is_ours(api: str, port: int) -> bool:
    parts = urlsplit(api)
    return is_loopback(parts.hostname or "") and (parts.port or _PORTS[parts.scheme]) == port


def _origin(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url.strip())
        return (parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)) if parts.hostname else None
    except ValueError:
        return None
