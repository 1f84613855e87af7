"""What the composition root hands in, so that nothing here knows which engines there are. Types only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from server.catalog.bases import BaseText
from server.catalog.copilots import CheckAdapter
from server.engine import Engine
from server.settings import Settings
from server.text.finder import Encoder


@dataclass(frozen=True, slots=True)
class Assembled:
    """An engine that has not started, and what belongs to it. The loads are slow."""

    settings: Settings
    engine: Engine
    load_base: Callable[[], BaseText]
    load_encoder: Callable[[], Encoder | None]
    check_adapter: CheckAdapter | None


Assemble = Callable[[Settings, str | None], Assembled]  # with the key of a server elsewhere; slow; raises RetinueError


class Connection(Protocol):
    """A server elsewhere that may be asked, see engine/remote/connecting."""

    @property
    def settings(self) -> Settings: ...

    @property
    def host(self) -> str: ...

    @property
    def key(self) -> str: ...

    def keep_key(self) -> None: ...

    async def models(self) -> list[str]: ...


class Elsewhere(Protocol):
    def connection(
        self, settings: Settings, *, url: str, model: str, key: str | None, may_leave: bool, port: int
    ) -> Connection: ...

    def has_key(self, settings: Settings) -> bool: ...


@dataclass(frozen=True, slots=True)
class Making:
    """How another engine is made while one runs."""

    assemble: Assemble
    elsewhere: Elsewhere
