"""What a server that takes and gives token ids must be able to say: one stretch of an answer, asked for and read.

vllm and llamacpp say it each in its own words; ids knows neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from server.engine import AdapterRef, Capabilities
from server.engine.remote.address import Address
from server.engine.remote.client import Client
from server.engine.remote.wire import Event

SAMPLED = 0.7  # temperature of another attempt
DIGEST_CHARS = 12  # of an adapter's digest, in the name that it has elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Tokens asked for in one request, to follow `ids`. `adapter`: as the server calls it, empty for the base alone.

    `banned` may not come. `tells_first`: with the first token's log-probability.
    """

    model: str
    ids: Sequence[int]
    tokens_max: int
    stop_ids: frozenset[int]
    adapter: str = ""
    attempt: int = 0
    banned: frozenset[int] = frozenset()
    tells_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """New tokens. `reason` comes with the last ones, `cached_tokens` with some."""

    ids: tuple[int, ...] = ()
    model: str | None = None
    reason: Literal["", "stop", "length", "broken"] = ""
    cached_tokens: int | None = None
    log_p: float | None = None


def adapter_name(owner: str, adapter: AdapterRef) -> str:
    """What an adapter is called elsewhere: a retrained one is another one."""
    return f"{owner.replace('/', '-')}-{adapter.digest[:DIGEST_CHARS]}"


class Dialect(Protocol):
    def __init__(self, client: Client, address: Address) -> None: ...

    @staticmethod
    def capabilities(address: Address) -> Capabilities: ...

    @property
    def event(self) -> type[Event]:
        """What each event of its stream is."""
        ...

    @property
    def url(self) -> str: ...

    def body(self, asked: Stretch) -> Mapping[str, Any]: ...

    def echoes(self, asked: Stretch) -> str:
        """The model that is to be named in the answer."""
        ...

    def piece(self, event: Any) -> Piece: ...

    async def tokenize(self, text: str, *, model: str) -> list[int]:
        """Without control tokens. Raises EngineError, Busy."""
        ...

    async def find_adapters(self) -> None:
        """Raises EngineError, Busy."""
        ...

    def has(self, adapter: AdapterRef) -> bool:
        """It can answer with it, as far as is known. After `find_adapters`."""
        ...

    async def name_of(self, adapter: AdapterRef) -> str:
        """What it is called there, loaded where it was not yet. Raises EngineError, Busy."""
        ...
