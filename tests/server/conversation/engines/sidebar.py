"""A paired sidebar that asks about engines, over bases that are only names."""

import itertools
from pathlib import Path
from typing import Any

from server.conversation.engines.making import Assembled, Making
from server.engine import BaseInfo
from server.engine.remote.connecting import Elsewhere
from server.settings import Settings
from tests.server.fakes import FakeEngine, FakeWire, Harness, base_text

SLOW_S = 180.0  # a library is imported, a process started, where much else runs
_REQUESTS = itertools.count()


class Engines:
    """Makes an engine for each base, keeps all of them by name, and fails with `fails` instead where that is set."""

    def __init__(self) -> None:
        self.made: dict[str, FakeEngine] = {}
        self.keys: list[str | None] = []
        self.fails: Exception | None = None
        self.starts_with: Exception | None = None

    def assemble(self, settings: Settings, key: str | None) -> Assembled:
        if self.fails is not None:
            raise self.fails
        engine = FakeEngine(f"{settings.base} says so.")
        engine.info = BaseInfo(settings.base, f"of {settings.base}", 2, 50_000)
        if self.starts_with is not None:
            engine.start = self._failing  # type: ignore[method-assign]
        self.made[settings.base] = engine
        self.keys.append(key)
        return Assembled(settings, engine, base_text, lambda: None, None)

    async def _failing(self) -> None:
        assert self.starts_with is not None
        raise self.starts_with


def write_base(settings: Settings, name: str, *, weights: bytes = b"weights") -> Path:
    folder = settings.bases_dir / name
    folder.mkdir(parents=True)
    for file in ("config.json", "tokenizer.json"):
        (folder / file).write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def harness_with(tmp_path: Path, engines: Engines, *names: str, **limits: Any) -> Harness:
    harness = Harness(tmp_path, making=Making(engines.assemble, Elsewhere()), **limits)
    for name in names:
        write_base(harness.settings, name)
    return harness


async def asked(wire: FakeWire, type_: str, *, place: str = "side", **fields: Any) -> dict[str, Any]:
    """The answer to it, passing over what comes unasked."""
    request = f"q{next(_REQUESTS)}"
    wire.say({"type": type_, "request": request, "place": place, **fields})
    while (frame := await wire.next(timeout_s=SLOW_S)).get("request") != request:
        pass
    return frame


async def heard(wire: FakeWire, type_: str) -> dict[str, Any]:
    """The next of that type."""
    return await wire.next(type_, timeout_s=SLOW_S)


async def state(wire: FakeWire) -> dict[str, Any]:
    return await asked(wire, "engine.show")


async def switched(wire: FakeWire) -> dict[str, Any]:
    """The next state in which nothing is being switched."""
    while (frame := await heard(wire, "engine.state"))["switching"] is not None:
        pass
    return frame
