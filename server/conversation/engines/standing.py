"""What runs, what it takes and which bases there are, as one frame. Called by the engine's desk, in a thread."""

from pathlib import Path

import psutil

from server.catalog import bases
from server.catalog.acquire.disk import bytes_below
from server.catalog.acquire.sources import read_note
from server.catalog.acquire.suggestions import SUGGESTED
from server.conversation.pages import Parts
from server.errors import BaseError
from server.protocol.engines import BaseCard, BaseHere, BaseSuggestion, EngineCard, EngineMemory, EngineState
from server.settings import Settings

_LOADING_TIMES = 2  # of the weights' size: read, then packed for the processor


def standing(parts: Parts, request: str | None) -> EngineState:
    """Without what only the desk knows: a key, a download, a switch, its trouble."""
    settings = parts.settings
    here = bases.list_bases(settings)
    return EngineState(
        request=request, base=base_card(parts), engine=engine_card(parts), here=settings.engine == "local",
        local_base=settings.base, url=settings.engine_url, model=model_elsewhere(parts), has_key=False,
        pinned=settings.engine_pinned, memory=_memory(parts), bases=[_here(name, here[name]) for name in sorted(here)],
        suggestions=_suggestions(settings, here), pulled=None, switching=None, trouble=None,
    )  # fmt: skip


def base_card(parts: Parts) -> BaseCard:
    info = parts.engine.info
    return BaseCard(name=info.name, parameters=info.parameters, context_tokens=info.context_tokens)


def engine_card(parts: Parts) -> EngineCard:
    can = parts.engine.capabilities
    return EngineCard(
        adapters=can.adapters, quotes=can.quotes, shares_page=can.shares_page, counts_cached=can.counts_cached,
        changes_adapters=can.changes_adapters, host=can.host,
    )  # fmt: skip


def model_elsewhere(parts: Parts) -> str:
    """Of the server elsewhere that answers, or that did last."""
    return parts.engine.info.name if parts.settings.engine != "local" else parts.settings.engine_model


def check_memory(folder: Path) -> None:
    """Before the base is loaded beside the one that answers. Raises BaseError (`base_memory`)."""
    needed = _LOADING_TIMES * sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    free = psutil.virtual_memory().available
    if needed > free:
        raise BaseError(
            f"Loading {folder.name} beside the base that answers takes about {needed / 1024**2:,.0f} MiB of memory, "
            f"and {free / 1024**2:,.0f} MiB are free. Close other programs, or choose a smaller base.",
            code="base_memory",
        )


def _memory(parts: Parts) -> EngineMemory:
    known, settings = parts.engine.stats(), parts.settings
    is_here = settings.engine == "local"
    return EngineMemory(
        process=int(psutil.Process().memory_info().rss), weights=known.get("weight_bytes"),
        weight_bits=known.get("weight_bits"), pages=known.get("kv_bytes"),
        pages_max=settings.kv_bytes_max if is_here else None, adapters=known.get("adapter_bytes"),
        threads=settings.threads if is_here else None,
    )  # fmt: skip


def _here(name: str, folder: Path) -> BaseHere:
    note = read_note(folder)
    licence, source = (note.licence, str(note)) if note is not None else ("", "")
    return BaseHere(name=name, bytes=bytes_below(folder), licence=licence, source=source)


def _suggestions(settings: Settings, here: dict[str, Path]) -> list[BaseSuggestion]:
    return [
        BaseSuggestion(repo=one.repo, name=one.name, parameters=one.parameters, bytes=one.bytes, licence=one.licence)
        for one in SUGGESTED
        if one.name not in here
    ]
