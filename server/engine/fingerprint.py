"""The name of a base model's files, its weights and its tokenizer: adapters belong to one. No torch.

Called by every engine that takes ids, and by training.
"""

import hashlib
import json
import re
from pathlib import Path

from server.errors import BaseError
from server.files import WEIGHTS_BYTES_MAX, check_folder, read_regular, sha256_of, why_not

WEIGHTS, SHARDS = "model.safetensors", "model.safetensors.index.json"
GGUF = "weights.gguf"  # as in server.catalog.acquire.sources
SHARD_INDEX_BYTES_MAX = 16 * 1024**2
_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}\.safetensors")


def base_fingerprint(folder: Path) -> str:
    """sha256 over the GGUF file that the folder was converted from, else over its weights (every shard, by name) and
    tokenizer; 16 hex digits. Raises BaseError.
    """
    try:
        check_folder(folder, bytes_max=WEIGHTS_BYTES_MAX)
    except OSError as error:
        raise BaseError(f"{error.filename or folder} {why_not(error)}.", code="base_unreadable") from error
    digest = hashlib.sha256()
    made_of = [GGUF] if (folder / GGUF).is_file() else [*weight_files(folder), "tokenizer.json"]
    for name in made_of:
        file = folder / name
        if not file.is_file():
            raise BaseError(f"The base model {folder.name} has no {name}.", code="base_missing")
        digest.update(sha256_of(file).encode())
    return digest.hexdigest()[:16]


def weight_files(folder: Path) -> list[str]:
    """model.safetensors, or the shards that its index names. Raises BaseError (`base_unreadable`)."""
    index = folder / SHARDS
    if (folder / WEIGHTS).is_file() or not index.is_file():
        return [WEIGHTS]
    try:
        names = set(json.loads(read_regular(index, bytes_max=SHARD_INDEX_BYTES_MAX))["weight_map"].values())
        if not names or not all(_SHARD.fullmatch(name) for name in names):
            raise ValueError("names")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BaseError(f"The index of {folder.name}'s weights cannot be read.", code="base_unreadable") from error
    return sorted(names)
