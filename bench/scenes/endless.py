"""`python -m bench.scenes.endless`: `retinue serve` whose answers never stop before the length that was asked for.

Started by bench.peers.ours, as the peers are asked to ignore their end token: random weights stop anywhere, or talk in
circles. BENCH_DEVICE names the device of the engine.
"""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

import server.catalog.bases
import server.cli.serve
import server.conversation.run
from server.catalog.bases import BaseText
from server.engine import Engine
from server.log import set_up_log
from server.settings import Settings, load_settings


def without_stops(load: Callable[[Path], BaseText]) -> Callable[[Path], BaseText]:
    return lambda folder: dataclasses.replace(load(folder), stop_ids=frozenset())


def make_engine(settings: Settings, folder: Path) -> Engine:
    from server.engine.local.engine import LocalEngine

    engine: Engine = LocalEngine(settings, folder, device=os.environ.get("BENCH_DEVICE", "cpu"))
    return engine


def main() -> None:
    set_up_log()
    if os.environ.get("BENCH_STOPS") != "1":
        for module, name, instead in (
            (server.catalog.bases, "load_text", without_stops(server.catalog.bases.load_text)),
            (server.conversation.run, "goes_in_circles", lambda answer: False),
        ):
            setattr(module, name, instead)
    setattr(server.cli.serve, "make_engine", make_engine)  # noqa: B010 - it is imported there, not defined
    server.cli.serve.serve(load_settings(), Console())


if __name__ == "__main__":
    main()
