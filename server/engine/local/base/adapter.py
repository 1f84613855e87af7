"""Reads an adapter from disk: safetensors only, every field checked before a tensor is touched.

PEFT is not used here: a hostile adapter_config.json can make it rewrite base weights (pissa, olora,
layer_replication do). An adapter is accepted only when its config, names, shapes, types and values are expected.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from server.engine import AdapterRef, BaseInfo
from server.engine.adapter_lock import read_lock
from server.engine.local.base.loader import Linears
from server.errors import CopilotError
from server.files import ADAPTER_WEIGHTS, sha256_of

CONFIG_BYTES_MAX = 64 * 1024
WEIGHTS_BYTES_MAX = 256 * 1024**2
RANK_MAX = 64
_PREFIX = "base_model.model."
_TYPES = {"F32", "F16", "BF16"}


class AdapterConfig(BaseModel):
    """What we accept of PEFT's adapter_config.json. Fields that would change the base or the layer are pinned."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    peft_type: Literal["LORA"]
    task_type: Literal["CAUSAL_LM"] | None = None
    r: int = Field(ge=1, le=RANK_MAX, strict=True)
    lora_alpha: float = Field(gt=0, le=256, allow_inf_nan=False)
    target_modules: list[str] = Field(min_length=1, max_length=64)
    alora_invocation_tokens: list[int] | None = None
    use_rslora: bool = False
    bias: Literal["none"] = "none"
    fan_in_fan_out: Literal[False] = False
    use_dora: Literal[False] = False
    use_qalora: Literal[False] = False
    lora_bias: Literal[False] = False
    init_lora_weights: Literal[True, "gaussian", "orthogonal"] = True
    modules_to_save: list[str] | None = Field(default=None, max_length=0)
    layer_replication: list[int] | None = Field(default=None, max_length=0)
    layers_to_transform: list[int] | None = Field(default=None, max_length=0)
    rank_pattern: dict[str, int] = Field(default={}, max_length=0)
    alpha_pattern: dict[str, float] = Field(default={}, max_length=0)
    exclude_modules: list[str] | None = Field(default=None, max_length=0)
    trainable_token_indices: list[int] | None = Field(default=None, max_length=0)
    target_parameters: list[str] | None = Field(default=None, max_length=0)

    @property
    def scaling(self) -> float:
        return self.lora_alpha / (math.sqrt(self.r) if self.use_rslora else self.r)


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


def check_adapter(folder: Path, info: BaseInfo) -> AdapterRef:
    """Everything that can be known without reading tensors. Raises CopilotError with the reason.

    The digest is made of the settings and of the weights' sha256 that lock.json promises, so that thousands of
    adapters are registered without reading their weights; `read_adapter` holds the file to it. An adapter made
    elsewhere has no promise and is read here.
    """
    config = read_adapter_config(folder)
    lock = read_lock(folder)
    if lock.base_fingerprint != info.fingerprint:
        raise CopilotError(
            f"This adapter was made for another base model than {info.name}. Train it for this base.",
            code="copilot_base_mismatch",
        )
    weights = folder / ADAPTER_WEIGHTS
    if weights.is_symlink() or not weights.is_file():
        raise CopilotError("The adapter has no adapter_model.safetensors.", code="copilot_weights_missing")
    if weights.stat().st_size > WEIGHTS_BYTES_MAX:
        raise CopilotError("The adapter's weights are larger than 256 MiB.", code="copilot_weights_too_large")
    if config.alora_invocation_tokens == []:
        raise CopilotError("The adapter names no invocation tokens.", code="copilot_config_invalid")
    return AdapterRef(
        id=f"{folder.parents[2].name}/{folder.parents[1].name}",  # <category>/<copilot>/_adapters/<base>
        folder=folder,
        digest=_content_digest(folder, lock.weights_sha256 or sha256_of(weights)),
    )


def read_adapter_config(folder: Path) -> AdapterConfig:
    """Raises CopilotError (`copilot_config_invalid`)."""
    try:
        return AdapterConfig.model_validate_json(_small_file(folder / "adapter_config.json"))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "adapter_config.json"
        raise CopilotError(
            f"The adapter's setting {field} is not one that Retinue accepts: {first['msg']}.",
            code="copilot_config_invalid",
        ) from error


def read_adapter(ref: AdapterRef, linears: Linears) -> AdapterWeights:
    """Tensors of a checked adapter, checked again: names, shapes, types, finite values, and the digest.

    Raises CopilotError.
    """
    config = read_adapter_config(ref.folder)
    file = ref.folder / ADAPTER_WEIGHTS
    try:
        digest = _content_digest(ref.folder, sha256_of(file))
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
        scaled = b.float() * config.scaling
        yield name, (a.to(linear.device, linear.dtype), scaled.to(linear.device, linear.dtype))


def _tensor(tensors: Any, name: str, shape: tuple[int, int]) -> Tensor:
    header = tensors.get_slice(name)
    if header.get_dtype() not in _TYPES or tuple(header.get_shape()) != shape:
        raise CopilotError(f"The adapter's tensor {name} has the wrong shape or type.", code="copilot_weights_invalid")
    tensor: Tensor = tensors.get_tensor(name)
    if not bool(torch.isfinite(tensor).all()):
        raise CopilotError("The adapter's weights hold values that are no numbers.", code="copilot_weights_nan")
    return tensor


def _small_file(file: Path) -> bytes:
    try:
        if file.is_symlink() or file.stat().st_size > CONFIG_BYTES_MAX:
            raise CopilotError(f"{file.name} is a link or larger than 64 KiB.", code="copilot_config_invalid")
        return file.read_bytes()
    except OSError as error:
        raise CopilotError(f"{file.name} cannot be read.", code="copilot_config_missing") from error


def _content_digest(folder: Path, weights_sha256: str) -> str:
    """Equal weights under another alpha are another adapter."""
    return hashlib.sha256(_small_file(folder / "adapter_config.json") + weights_sha256.encode()).hexdigest()
