"""Reads a base model from disk: safetensors only, full attention only, never with code from its folder.

Called by the worker, the encoder and training. Knows no adapters; `adapter` reads those.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from server.engine import BaseInfo
from server.engine.fingerprint import base_fingerprint
from server.engine.local.base.config import read_config
from server.engine.local.faults import one_line
from server.errors import BaseError

LOADING = threading.Lock()  # one model at a time: from_pretrained takes tie_weights away from every thread meanwhile


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


def load_base(folder: Path, *, dtype: torch.dtype | None = None, device: str = "cpu") -> Base:
    """Load a full-attention decoder from safetensors, never with code from the folder. Raises BaseError."""
    fingerprint = base_fingerprint(folder)
    config = read_config(folder)
    try:
        with LOADING:
            model, report = AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                dtype=dtype or preferred_dtype(device),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise BaseError(
            f"The base model {folder.name} cannot be read: {one_line(error)}", code="base_unreadable"
        ) from error
    except RuntimeError as error:
        if "size mismatch" in str(error) or "mismatched" in str(error):
            message = f"The weights of {folder.name} do not have the sizes that its config.json says."
            raise BaseError(message, code="base_unreadable") from error
        raise
    _check_complete(folder.name, report["missing_keys"])
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


def _check_complete(name: str, missing: Iterable[str]) -> None:
    """What the files lack would be made up at random. Raises BaseError (`base_unreadable`)."""
    lacking = sorted(missing)
    if lacking:
        message = f"The files of {name} lack {len(lacking)} of its weights ({lacking[0]}, …)."
        raise BaseError(message, code="base_unreadable")


def preferred_dtype(device: str) -> torch.dtype:
    """bf16 where the processor multiplies it natively, else fp32."""
    if device != "cpu":
        return torch.bfloat16
    capable = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return torch.bfloat16 if capable else torch.float32
