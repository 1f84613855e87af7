"""Brings a base model from the hub to <bases_dir>/<name>, and takes it away again. Called by cli and add.

Only safetensors, JSON and tokenizer files are fetched. Everything is downloaded into a hidden folder and is
moved there after every size and hash was compared: a folder without a dot in front is whole.
"""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

from server.catalog import bases
from server.catalog.acquire.disk import check_room, remove_folder
from server.catalog.acquire.hub import Hub, HubFile, Offer, has_size, partial
from server.catalog.acquire.sources import DEFAULT_BASE, SourceNote, write_note
from server.choice import forget_choice
from server.engine.full_attention import check_full_attention
from server.errors import BaseError
from server.files import (
    CONFIG_BYTES_MAX,
    SMALL_BYTES_MAX,
    WEIGHTS_BYTES_MAX,
    open_regular,
    read_regular,
    read_regular_text,
    replace_file,
    sha256_of,
)
from server.folders import replace_folder
from server.settings import SETTINGS_FILE, Settings

_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/([A-Za-z0-9][A-Za-z0-9._-]{0,95})")
_WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
_TEXTS = frozenset({
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja", "model.safetensors.index.json",
})  # fmt: skip
_NEEDED = frozenset({"config.json", "tokenizer.json"})

Consent = Callable[[Offer, int], bool]  # what is offered, bytes to be downloaded


def pull(repo: str, settings: Settings, *, hub: Hub, consent: Consent) -> Path:
    """Download a base, or go on downloading it. Returns its folder.

    Raises BaseError: `base_name`, `base_name_taken`, `base_exists`, `base_unsupported`, `base_disk_full`,
    `base_declined`, `base_damaged`, and those of the hub.
    """
    match = _REPO.fullmatch(repo)
    if match is None:
        raise BaseError(f"{repo!r} is no model of the hub. Write owner/name, e.g. Qwen/Qwen3-0.6B.", code="base_name")
    target = free_place(match[1], settings)
    offer = hub.describe(repo)
    files = wanted_files(offer)
    part = part_of(target.name, settings)
    missing = sum(_missing_bytes(part / file.name, file) for file in files)
    check_room(target.parent, missing)
    if not consent(offer, missing):
        raise BaseError("Nothing was downloaded.", code="base_declined")
    part.mkdir(parents=True, exist_ok=True)
    hub.fetch(offer, [file.name for file in files if file.name in _TEXTS], part)
    check_config(part, repo)  # before gigabytes of weights
    hub.fetch(offer, [file.name for file in files], part)
    for file in files:
        check_file(part / file.name, file)
    hashes = {file.name: file.sha256 or sha256_of(part / file.name) for file in files}
    write_note(
        part, SourceNote(kind="hub", origin=repo, version=offer.revision, licence=offer.licence, sha256=hashes)
    )  # fmt: skip
    replace_folder(part, target)
    return target


def part_of(name: str, settings: Settings) -> Path:
    """Where a base is gathered until all of it is there."""
    return settings.bases_dir / f".{name}.part"


def free_place(name: str, settings: Settings) -> Path:
    """Where a base of that name goes. Raises BaseError (`base_exists`, `base_name_taken`)."""
    target = settings.bases_dir / name
    if target.exists():
        raise BaseError(f"{name} is already here. `retinue bases use {name}` chooses it.", code="base_exists")
    if name == DEFAULT_BASE.name:
        raise BaseError(
            f"{name} is the default base's name; `retinue bases pull` without a name fetches that one.",
            code="base_name_taken",
        )
    return target


def wanted_files(offer: Offer) -> list[HubFile]:
    """What we take of a model; the rest (pickles, code, pictures) is left. Raises BaseError (`base_unsupported`)."""
    files = [file for file in offer.files if is_wanted(file.name)]
    names = {file.name for file in files}
    if not names >= _NEEDED or not any(_WEIGHTS.fullmatch(name) for name in names):
        raise BaseError(
            f"{offer.repo} has no safetensors weights with config.json and tokenizer.json. Choose another base.",
            code="base_unsupported",
        )
    return files


def is_wanted(name: str) -> bool:
    return name in _TEXTS or _WEIGHTS.fullmatch(name) is not None


def check_config(folder: Path, repo: str) -> None:
    """Refuse what could never be served, by its config.json. Raises BaseError (`base_unsupported`)."""
    try:
        config = json.loads(read_regular(folder / "config.json", bytes_max=CONFIG_BYTES_MAX))
        own_code = bool(config.get("auto_map"))
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise BaseError(f"The config.json of {repo} cannot be read.", code="base_unsupported") from error
    if own_code:
        raise BaseError(f"{repo} runs code of its own, which is never loaded.", code="base_unsupported")
    check_full_attention(repo, config)


def check_file(path: Path, file: HubFile) -> None:
    """Compare size and hash with the hub's. A wrong file goes, so that the next try fetches it anew.

    Raises BaseError (`base_damaged`).
    """
    if has_size(path, file):
        same = sha256_of(path) == file.sha256 if file.sha256 else file.git_sha1 in (None, _git_sha1_of(path, file.size))
        if same:
            return
    path.unlink(missing_ok=True)
    raise BaseError(f"{file.name} arrived damaged. Run the same command again.", code="base_damaged")


def use(name: str, settings: Settings) -> Path:
    """Make a base the default: one line of settings.toml, the others stay; what was chosen in the sidebar is forgotten.
    Raises BaseError (`base_missing`).
    """
    bases.find(settings, name)
    forget_choice(settings.user_dir)
    file = settings.config_dir / SETTINGS_FILE
    text = read_regular_text(file.resolve(), bytes_max=SMALL_BYTES_MAX) if file.exists() else ""
    kept = [line for line in text.splitlines() if not re.match(r"\s*base\s*=", line)]
    replace_file(file.resolve(), "\n".join([f'base = "{name}"', *kept]) + "\n")
    return file


def remove(name: str, settings: Settings) -> Path:
    """Delete a base; the default one is fetched anew when needed. Raises BaseError (`base_missing`, `base_in_use`)."""
    folder = bases.find(settings, name)
    if name == settings.base:
        raise BaseError(
            f"{name} is the base in use. Choose another one first: retinue bases use NAME.", code="base_in_use"
        )
    remove_folder(folder)
    return folder


def _git_sha1_of(path: Path, size: int) -> str:
    """The name of the file in git: sha1 over a header with its size, and its bytes."""
    with open_regular(path, bytes_max=WEIGHTS_BYTES_MAX) as stream:
        header = b"blob %d\0" % size
        return hashlib.file_digest(stream, lambda: hashlib.sha1(header, usedforsecurity=False)).hexdigest()


def _missing_bytes(path: Path, file: HubFile) -> int:
    if has_size(path, file):
        return 0
    begun = partial(path)
    return max(0, file.size - begun.stat().st_size) if begun.is_file() else file.size
