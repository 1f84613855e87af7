"""The composition root: chooses engine, tokenizer, encoder and adapter check of this machine.

Called by serve, ask and bench.

torch and transformers are imported when a function is called, so that `retinue --help` stays quick.
"""

from collections.abc import Callable
from pathlib import Path

from server.catalog import bases
from server.catalog.acquire import install
from server.catalog.copilots import CheckAdapter
from server.conversation.pages import Parts
from server.engine import Engine
from server.settings import Settings
from server.text.finder import Encoder


def make_engine(settings: Settings, base: Path) -> Engine:
    """Not started yet. Raises BaseError when the base cannot be served."""
    from server.engine.local.engine import LocalEngine

    engine: Engine = LocalEngine(settings, base)
    return engine


def make_encoder(settings: Settings) -> Encoder | None:
    """With the finder's adapter where it fits; None where set-up put no encoder: words alone find then.

    Raises BaseError (`encoder_unreadable`, `encoder_adapter_refused`).
    """
    from server.engine.local.encoder import SentenceEncoder

    found = bases.find_encoder(settings)
    return SentenceEncoder(found.folder, adapter=found.adapter) if found is not None else None


def adapter_check() -> CheckAdapter:
    """The check of an adapter against the base that is loaded."""
    from server.engine.local.base.adapter import check_adapter

    return check_adapter


def make_parts(settings: Settings, *, say: Callable[[str], None]) -> Parts:
    """Everything that answers need, fetched when it is not here yet; `say` hears what is fetched. Slow.

    Raises RetinueError.
    """
    folder = install.ensure(settings, say=say)
    return Parts(settings, make_engine(settings, folder), bases.load_text(folder), make_encoder(settings))
