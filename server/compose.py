"""The composition root: chooses engine, tokenizer, encoder and adapter check of this machine.

Called by serve, ask and bench.

torch, transformers and httpx are imported when a function is called, so that `retinue --help` stays quick.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from server.catalog import bases
from server.catalog.acquire import install
from server.catalog.bases import BaseText
from server.catalog.copilots import CheckAdapter
from server.choice import read_choice
from server.conversation.engines.making import Assembled, Making
from server.conversation.pages import Parts
from server.engine import Capabilities, Engine
from server.settings import Settings
from server.text import turns
from server.text.finder import Encoder
from server.text.prompt import PromptLayout

if TYPE_CHECKING:
    from server.engine.remote.dialects import Dialect


def capabilities(settings: Settings) -> Capabilities:
    """Of the engine that `make_engine` would make. Quick. Raises EngineError for an address that is not allowed."""
    if settings.engine == "local":
        return Capabilities()
    from server.engine.remote.address import address_of
    from server.engine.remote.chat import chat_capabilities

    address = address_of(settings)
    return chat_capabilities(address) if settings.engine == "openai" else _dialect(settings).capabilities(address)


def prepare_base(settings: Settings, *, say: Callable[[str], None]) -> Path | None:
    """The base's folder, fetched when it is not here yet; None where the engine needs none. Raises RetinueError."""
    return install.ensure(settings, say=say) if settings.engine != "openai" else None


def assemble(settings: Settings, key: str | None = None) -> Assembled:
    """What answers by these settings, with a base that is here already. `key`: of a server elsewhere, the stored one by
    default. Slow: torch may be imported.

    Raises BaseError, EngineError.
    """
    folder = bases.find(settings, settings.base) if settings.engine != "openai" else None
    engine = make_engine(settings, folder, key=key)
    return Assembled(
        settings, engine, load_base=lambda: load_text(folder), load_encoder=lambda: make_encoder(settings),
        check_adapter=adapter_check(engine),
    )  # fmt: skip


def making() -> Making:
    """For a server whose engine the user may change."""
    from server.engine.remote.connecting import Elsewhere

    return Making(assemble, Elsewhere())


def make_engine(settings: Settings, base: Path | None, *, key: str | None = None) -> Engine:
    """Not started yet. Raises BaseError when the base cannot be served, EngineError when the address cannot be used."""
    if base is None or settings.engine != "local":
        return _make_remote_engine(settings, base, key)
    from server.engine.local.allocator import limit_kernel_cache, share_arenas
    from server.engine.local.engine import LocalEngine

    limit_kernel_cache()
    share_arenas()
    engine: Engine = LocalEngine(settings, base)
    return engine


def _make_remote_engine(settings: Settings, base: Path | None, key: str | None) -> Engine:
    """A server that was chosen in the sidebar answered then: at a start it may still be away."""
    from server.engine.remote.address import address_of
    from server.engine.remote.chat import ChatEngine
    from server.engine.remote.ids import IdsEngine
    from server.engine.remote.key import read_key

    address, known = address_of(settings), read_key(settings) if key is None else key
    if base is not None:
        return IdsEngine(settings, address, base, _dialect(settings), key=known)
    choice = read_choice(settings.user_dir)
    was_there = key is None and choice is not None and choice.engine_url == settings.engine_url
    return ChatEngine(settings, address, key=known, must_answer=not was_there)


def _dialect(settings: Settings) -> "type[Dialect]":
    from server.engine.remote.dialects.llamacpp import LlamaCpp
    from server.engine.remote.dialects.vllm import Vllm

    return Vllm if settings.engine == "vllm" else LlamaCpp


def load_text(base: Path | None) -> BaseText:
    """Tokenizer and layout of the base; of bytes where somebody else's tokenizer is used. Slow. Raises BaseError."""
    if base is not None:
        return bases.load_text(base)
    layout = PromptLayout(turns.ByteTokenizer())
    return BaseText(layout, turns.decode, frozenset({layout.stop_id}), ids_per_token=turns.IDS_PER_TOKEN)


def make_encoder(settings: Settings) -> Encoder | None:
    """With the finder's adapter where it fits; None where set-up put no encoder, or where any model answers: words
    alone find then, and torch is not loaded.

    Raises BaseError (`encoder_unreadable`, `encoder_adapter_refused`).
    """
    if settings.engine == "openai":
        return None
    from server.engine.local.encoder import SentenceEncoder

    found = bases.find_encoder(settings)
    return SentenceEncoder(found.folder, adapter=found.adapter) if found is not None else None


def adapter_check(engine: Engine) -> CheckAdapter | None:
    """The check of an adapter against the base that is loaded; None where the engine takes no adapters."""
    check: CheckAdapter | None = getattr(engine, "check_adapter", None)
    if check is not None or engine.capabilities.adapters == "none":
        return check
    from server.engine.adapter_check import check_adapter

    return check_adapter


def make_parts(settings: Settings, *, say: Callable[[str], None]) -> Parts:
    """Everything that answers need, fetched when it is not here yet; `say` hears what is fetched. Slow.

    Raises RetinueError.
    """
    folder = prepare_base(settings, say=say)
    return Parts(settings, make_engine(settings, folder), load_text(folder), make_encoder(settings))
