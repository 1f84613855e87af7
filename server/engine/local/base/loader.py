"""Reads a base model from disk: safetensors only, full attention only, never with code from its folder.

Called by the worker, the encoder and training. Knows no adapters; `adapter` reads those.
"""

import hashlib
import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from server.engine import BaseInfo
from server.engine.full_attention import check_full_attention
from server.errors import BaseError
from server.files import sha256_of

WEIGHTS, SHARDS = "model.safetensors", "model.safetensors.index.json"
GGUF = "weights.gguf"  # as in server.catalog.acquire.sources
LOADING = threading.Lock()  # one model at a time: from_pretrained takes tie_weights away from every thread meanwhile
SHARD_INDEX_BYTES_MAX = 16 * 1024**2
_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}\.safetensors")


@dataclass(frozen=True, slots=True)
class LinearShape:
    """What an adapter must fit: sizes of a linear module of the base, and where its products are computed."""

    out_features: int
    in_features: int
    dtype: torch.dtype
    device: torch.device


Linears = dict[str, LinearShape]  # by module name


@dataclass(frozen=True, slots=True)
class Base:
    """The base model in memory. `linears` are the modules that an adapter may name."""

    info: BaseInfo
    model: PreTrainedModel
    linears: Linears


def base_fingerprint(folder: Path) -> str:
    """sha256 over the GGUF file that the folder was converted from, else over its weights (every shard, by name) and
    tokenizer; 16 hex digits. Raises BaseError.
    """
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
        if index.stat().st_size > SHARD_INDEX_BYTES_MAX:
            raise ValueError("size")
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        if not names or not all(_SHARD.fullmatch(name) for name in names):
            raise ValueError("names")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BaseError(f"The index of {folder.name}'s weights cannot be read.", code="base_unreadable") from error
    return sorted(names)


def load_base(folder: Path, *, dtype: torch.dtype | None = None, device: str = "cpu") -> Base:
    """Load a full-attention decoder from safetensors, never with code from the folder. Raises BaseError."""
    fingerprint = base_fingerprint(folder)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        check_full_attention(folder.name, config.to_dict())
        with LOADING:
            model = AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                dtype=dtype or preferred_dtype(device),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise BaseError(f"The base model {folder.name} cannot be read: {error}", code="base_unreadable") from error
    model = model.to(device).eval().requires_grad_(False)
    info = BaseInfo(
        name=folder.name,
        fingerprint=fingerprint,
        parameters=sum(weight.numel() for weight in model.parameters()),
        context_tokens=int(config.max_position_embeddings),
    )
    linears = {
        name: LinearShape(module.out_features, module.in_features, module.weight.dtype, module.weight.device)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not model.get_output_embeddings()
    }
    return Base(info, model, linears)


def preferred_dtype(device: str) -> torch.dtype:
    """bf16 where the processor multiplies it natively, else fp32."""
    if device != "cpu":
        return torch.bfloat16
    capable = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return torch.bfloat16 if capable else torch.float32
