"""Is what runs elsewhere the base that lies here? By its tokens for a text, and its sizes where they are told.

Called by ids before the first question: prompts are ids of this base, and adapters belong to it.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from server.engine import BaseInfo
from server.engine.fingerprint import base_fingerprint
from server.engine.remote import faults
from server.engine.remote.dialects import Dialect
from server.engine.remote.wire import ModelCard
from server.errors import BaseError, EngineError
from server.files import CONFIG_BYTES_MAX, read_regular

PROBE = (
    "The supplier shall indemnify the purchaser; naïve façade, Straße, 42,195 km² – “quoted”\n\n\tdef f(x): return x**2"
    "  # π≈3.14159 Ωμέγα Привет 你好 مرحبا 🙂 antidisestablishmentarianism"
)


async def read_base(folder: Path) -> BaseInfo:
    """Without its weights. Raises BaseError."""
    config = _config(folder)
    fingerprint = await asyncio.to_thread(base_fingerprint, folder)
    return BaseInfo(folder.name, fingerprint, parameters=0, context_tokens=int(config["max_position_embeddings"]))


async def check_same_base(dialect: Dialect, model: ModelCard, *, base: Path, who: str) -> None:
    """Raises EngineError (`engine_other_base` and what the client raises), Busy, BaseError."""
    here = await asyncio.to_thread(_encode, base)
    there = await dialect.tokenize(PROBE, model=model.id)
    hidden = model.meta.n_embd if model.meta else None
    if there != here or (hidden is not None and hidden != _config(base).get("hidden_size")):
        raise EngineError(
            f"{who} runs another model than {base.name}: {faults.shown(model.id)}. Start it with that base, set "
            "--base, or use `--engine openai`, which takes any model.",
            code="engine_other_base",
        )


def _encode(base: Path) -> list[int]:
    try:
        tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    except Exception as error:  # whatever a damaged file brings about
        raise BaseError(f"The tokenizer of {base.name} cannot be read.", code="base_unreadable") from error
    return list(tokenizer.encode(PROBE, add_special_tokens=False).ids)


def _config(base: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(read_regular(base / "config.json", bytes_max=CONFIG_BYTES_MAX))
        return {"max_position_embeddings": 2_048} | config
    except (OSError, ValueError) as error:
        raise BaseError(f"The settings of {base.name} cannot be read.", code="base_unreadable") from error
