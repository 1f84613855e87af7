"""What a run is asked to do, and one base made ready for it. Called by __main__ and compose."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import measures, models
from bench.cases import Cases
from bench.measures import Sizes
from server.settings import Settings

SMALL = Sizes(page=2000, short_page=150, answer=64, panel_answer=32)
LARGE = Sizes(page=500, short_page=120, answer=12, panel_answer=32)
LARGE_FROM_BYTES = 200 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What __main__ was asked for. `what` is engine, peers, adapters or all."""

    what: str
    rounds: int
    quick: bool
    sizes: Sizes | None
    peer_weights: tuple[str, ...]
    device: str
    threads: int


@dataclass(frozen=True, slots=True)
class Setup:
    """One base, ready to be measured. `folders` are the adapters' in the order of `cases.copilots`."""

    base: Path
    cases: Cases
    folders: Sequence[Path]
    settings: Settings
    sizes: Sizes
    options: Options

    @property
    def large(self) -> bool:
        return models.weight_bytes(self.base) >= LARGE_FROM_BYTES


def prepare(name: str, settings: Settings, options: Options) -> Setup:
    """Make what is missing: the random base, random adapters up to 8, and fresh ones for the swap measure."""
    base = models.base_folder(name, settings)
    invocation = list(models.load_layout(base).user_header)
    known = models.committed_copilots(settings, base)[: measures.ROWS]
    fresh = max(options.rounds, 3) + 1 if options.what in ("adapters", "all") else 0
    wanted = measures.ROWS - len(known) + fresh
    copilots = [*known, *models.random_copilots(settings.user_dir, base, invocation=invocation, count=wanted)]
    folders = [models.adapter_folder(copilot, base, settings) for copilot in copilots]
    large = models.weight_bytes(base) >= LARGE_FROM_BYTES
    return Setup(
        base, Cases(base, settings, copilots), folders, settings, options.sizes or (LARGE if large else SMALL), options
    )
