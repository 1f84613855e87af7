"""What exactly was trained: hashes of base and data, versions, recipe. Called by make and cli.

`base_fingerprint` is what an adapter belongs to: the server refuses an adapter whose lock names another.
"""

import hashlib
import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from server.engine import adapter_lock
from server.errors import CopilotError
from server.files import sha256_of
from server.text.checks import CheckSpec
from training.recipe import Recipe

FORMAT = 1
_PACKAGES = ("numpy", "peft", "safetensors", "tokenizers", "torch", "transformers")


def base_fingerprint(folder: Path) -> str:
    """The server's own name for a base, so that both sides always agree. Raises BaseError (`base_missing`)."""
    from server.engine import fingerprint

    return fingerprint.base_fingerprint(folder)


def data_digests(folder: Path, *, pages: Path) -> dict[str, str]:
    """sha256 of every example file in `folder` and of every page in `pages`, by short path."""
    found = {file.name: sha256_of(file) for file in sorted(folder.glob("*.jsonl"))}
    return found | {f"pages/{file.relative_to(pages)}": sha256_of(file) for file in sorted(pages.glob("*/*.md"))}


def run_key(*, data: dict[str, str], instructions: str, checks: Iterable[CheckSpec], base: str, recipe: Recipe) -> str:
    """Names a run by all that its result depends on, versions and machine apart: equal keys need no new run."""
    parts = {
        "format": FORMAT, "data": data, "instructions": instructions, "base": base,
        "checks": sorted(check.model_dump_json() for check in checks), "recipe": recipe.model_dump(mode="json"),
    }  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def read_lock(folder: Path) -> dict[str, Any] | None:
    """The lock of an adapter folder; None when there is none that can be read."""
    try:
        return adapter_lock.read_lock(folder).model_dump(exclude_unset=True)
    except CopilotError:
        return None
