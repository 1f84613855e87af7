"""Reads a base's config.json and refuses what cannot be served, before anything of its size is made.

Called by loader and outline. Knows no weights.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from server.engine.full_attention import check_full_attention
from server.engine.local.faults import one_line
from server.errors import BaseError
from server.files import CONFIG_BYTES_MAX, read_regular

COUNT_MAX = 1_024  # layers, heads, experts: each becomes an object before any weight is compared
_COUNTS = ("num_", "n_layer", "n_head")


def read_config(folder: Path) -> PreTrainedConfig:
    """Raises BaseError (`base_unreadable`, `base_unsupported`)."""
    name = folder.name
    _check_raw(name, _raw(folder))
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        check_full_attention(name, config.to_dict())
    except BaseError:
        raise
    except Exception as error:  # transformers raises of every kind over what a file may hold
        raise BaseError(f"The base model {name} cannot be read: {one_line(error)}", code="base_unreadable") from error
    if config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES or getattr(config, "is_encoder_decoder", False):
        raise _unsupported(name, f"is an encoder ({config.model_type}), it cannot write")
    return config


def _raw(folder: Path) -> Any:
    try:
        return json.loads(read_regular(folder / "config.json", bytes_max=CONFIG_BYTES_MAX))
    except (OSError, ValueError, RecursionError) as error:
        raise BaseError(
            f"config.json of {folder.name} cannot be read: {one_line(error)}", code="base_unreadable"
        ) from error


def _check_raw(name: str, config: Any) -> None:
    for part in _mappings(config):
        if part.get("quantization_config") is not None:
            raise _unsupported(name, "was quantised for another program")
        for key, value in part.items():
            if key.startswith(_COUNTS) and isinstance(value, int) and not 0 <= value <= COUNT_MAX:
                raise _unsupported(name, f"says {key} = {value}, which is not between 0 and {COUNT_MAX:,}")


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for part in value.values():
            yield from _mappings(part)


def _unsupported(name: str, why: str) -> BaseError:
    return BaseError(f"{name} {why}. Choose a full-attention decoder in safetensors.", code="base_unsupported")
