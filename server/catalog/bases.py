"""Which base models are on disk, and their text side: tokenizer, prompt layout, stop tokens. Called by app, ask
and cli.

Weights are the engine's business; install, add and pull bring the files.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.catalog.acquire.sources import ENCODER
from server.catalog.adapter_files import check_files
from server.catalog.chat_template import render
from server.catalog.layout import FINDER, adapter_folder
from server.engine.adapter_lock import read_lock
from server.errors import BaseError, CopilotError, RetinueError
from server.files import CONFIG_BYTES_MAX, WEIGHTS_BYTES_MAX, check_folder, read_regular
from server.settings import Settings
from server.text.prompt import PromptLayout
from server.text.stream import Decode

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_NEEDED = ("config.json", "tokenizer.json")
ENCODER_ADAPTER_BYTES_MAX = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class BaseText:
    """What session needs to turn text into ids and back. `ids_per_token`: about as many ids make one of the tokens that
    the engine counts."""

    layout: PromptLayout
    decode: Decode
    stop_ids: frozenset[int]
    ids_per_token: int = 1


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """Folder of the sentence encoder and of the finder's adapter for it."""

    folder: Path
    adapter: Path | None = None


def list_bases(settings: Settings) -> dict[str, Path]:
    """Name -> folder of each base model that is here."""
    return {folder.name: folder for folder in _folders(settings.bases_dir)}


def find(settings: Settings, name: str) -> Path:
    """Raises BaseError (`base_missing`)."""
    folder = list_bases(settings).get(name)
    if folder is None:
        here = ", ".join(list_bases(settings)) or "none"
        raise BaseError(
            f"The base model {name!r} is not on this machine (found: {here}). Set RETINUE_BASE to one of them, or "
            "get it with `retinue bases pull`."
        )
    return folder


def find_encoder(settings: Settings) -> EncoderFiles | None:
    """The finder's sentence encoder, None where set-up put none, with the adapter that was trained for these very
    weights where there is one. Raises BaseError (`encoder_adapter_refused`).
    """
    folder = settings.bases_dir / ENCODER.folder
    if not all((folder / file.name).is_file() for file in ENCODER.files):
        return None
    adapter = adapter_folder(settings.adapters_dir, FINDER, ENCODER.name)
    if not adapter.is_dir():
        return EncoderFiles(folder)
    try:
        check_files(adapter, bytes_max=ENCODER_ADAPTER_BYTES_MAX)
        lock = read_lock(adapter)
    except CopilotError as error:
        raise BaseError(f"The finder's adapter: {error.message}", code="encoder_adapter_refused") from error
    weights = next(file.sha256 for file in ENCODER.files if file.name == "model.safetensors")
    return EncoderFiles(folder, adapter if lock.base_sha256 == weights else None)


def load_text(folder: Path) -> BaseText:
    """Slow (it imports transformers): call it in a thread. Raises BaseError (`base_unreadable`, `base_unsupported`,
    `base_template`).
    """
    from transformers import AutoTokenizer

    try:
        check_folder(folder, bytes_max=WEIGHTS_BYTES_MAX)
        tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        template, variables = tokenizer.get_chat_template(), tokenizer.special_tokens_map
    except RetinueError:
        raise
    except Exception as error:  # whatever a damaged file brings about
        raise BaseError(f"The tokenizer of {folder.name} cannot be read.", code="base_unreadable") from error
    layout = PromptLayout(tokenizer, render(template, variables, base=folder.name))

    def decode(ids: Sequence[int]) -> str:  # twice a token: transformers' own wrapper takes five times as long
        return str(tokenizer.backend_tokenizer.decode(list(ids), skip_special_tokens=True))

    return BaseText(layout, decode, frozenset({layout.stop_id, *_end_ids(folder)}))


def _end_ids(folder: Path) -> list[int]:
    """`eos_token_id` of generation_config.json and config.json: one number, a list, or nothing."""
    ids: list[int] = []
    for name in ("generation_config.json", "config.json"):
        file = folder / name
        if file.exists():
            value = json.loads(read_regular(file, bytes_max=CONFIG_BYTES_MAX)).get("eos_token_id")
            ids += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, int)]
    return ids


def _folders(root: Path) -> Iterator[Path]:
    if not root.is_dir():
        return
    for folder in sorted(root.iterdir()):
        if _NAME.fullmatch(folder.name) and all((folder / name).is_file() for name in _NEEDED):
            yield folder
