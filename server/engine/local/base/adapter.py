"""Reads an adapter from disk: safetensors only, after `server.engine.adapter_check` accepted every setting.

An adapter is accepted only when its names, shapes, types and values are expected too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from server.engine import AdapterRef
from server.engine.adapter_check import WEIGHTS_BYTES_MAX, AdapterConfig, content_digest, read_adapter_config
from server.engine.local.base.loader import Linears
from server.errors import CopilotError
from server.files import ADAPTER_WEIGHTS, sha256_of

_PREFIX = "base_model.model."
_TYPES = {"F32", "F16", "BF16"}


@dataclass(frozen=True, slots=True)
class AdapterWeights:
    """For each linear module of the base: A [rank, in], B [out, rank] with the scaling folded in."""

    digest: str
    rank: int
    activated: bool  # aLoRA: acts from the activation on; else from the first token
    modules: dict[str, tuple[Tensor, Tensor]]

    @property
    def bytes(self) -> int:
        return sum(a.nbytes + b.nbytes for a, b in self.modules.values())


def read_adapter(ref: AdapterRef, linears: Linears) -> AdapterWeights:
    """Tensors of a checked adapter, checked again: names, shapes, types, finite values, and the digest.

    Raises CopilotError.
    """
    config = read_adapter_config(ref.folder)
    file = ref.folder / ADAPTER_WEIGHTS
    try:
        digest = content_digest(ref.folder, sha256_of(file, bytes_max=WEIGHTS_BYTES_MAX))
        if digest != ref.digest:
            raise CopilotError("The adapter changed on disk. Reload the copilots.", code="copilot_changed")
        with safe_open(file, framework="pt") as tensors:
            modules = dict(_modules(tensors, config, linears))
    except (OSError, SafetensorError) as error:
        raise CopilotError(
            f"The adapter's weights cannot be read: {error}", code="copilot_weights_unreadable"
        ) from error
    return AdapterWeights(ref.digest, config.r, config.alora_invocation_tokens is not None, modules)


def _modules(tensors: Any, config: AdapterConfig, linears: Linears) -> Iterator[tuple[str, tuple[Tensor, Tensor]]]:
    targets = {
        name: linear
        for name, linear in linears.items()
        if name.rsplit(".", 1)[-1] in config.target_modules or name in config.target_modules
    }
    wanted = {f"{_PREFIX}{name}.lora_{side}.weight" for name in targets for side in "AB"}
    if not targets or set(tensors.keys()) != wanted:
        raise CopilotError(
            "The adapter's tensors are not those that its settings promise.", code="copilot_weights_invalid"
        )
    for name, linear in targets.items():
        a = _tensor(tensors, f"{_PREFIX}{name}.lora_A.weight", (config.r, linear.in_features))
        b = _tensor(tensors, f"{_PREFIX}{name}.lora_B.weight", (linear.out_features, config.r))
        scaled = (b.float() * config.scaling).to(linear.device, linear.dtype)
        yield name, (_finite(a.to(linear.device, linear.dtype)), _finite(scaled))


def _tensor(tensors: Any, name: str, shape: tuple[int, int]) -> Tensor:
    header = tensors.get_slice(name)
    if header.get_dtype() not in _TYPES or tuple(header.get_shape()) != shape:
        raise CopilotError(f"The adapter's tensor {name} has the wrong shape or type.", code="copilot_weights_invalid")
    tensor: Tensor = tensors.get_tensor(name)
    return _finite(tensor)


def _finite(tensor: Tensor) -> Tensor:
    """Also after scaling and in the type of the base: a large number of the file may be too large there."""
    if not bool(torch.isfinite(tensor).all()):
        raise CopilotError("The adapter's weights hold values that are no numbers.", code="copilot_weights_nan")
    return tensor
