"""Reads base models and adapters from disk: safetensors only, every field checked before a tensor is touched.

PEFT is not used here: a hostile adapter_config.json can make it rewrite base weights (pissa, olora,
layer_replication do). An adapter is accepted only when its config, names, shapes, types and values are expected.
"""

import hashlib
import json
import math
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from server.engine import AdapterRef, BaseInfo
from server.engine.adapter_lock import read_lock
from server.engine.full_attention import check_full_attention
from server.errors import BaseError, CopilotError
from server.files import sha256_of

CONFIG_BYTES_MAX = 64 * 1024
WEIGHTS_BYTES_MAX = 256 * 1024**2
RANK_MAX = 64
WEIGHTS, SHARDS = "model.safetensors", "model.safetensors.index.json"
GGUF = "weights.gguf"  # as in server.catalog.acquire.sources
LOADING = threading.Lock()  # one model at a time: from_pretrained takes tie_weights away from every thread meanwhile
SHARD_INDEX_BYTES_MAX = 16 * 1024**2
_PREFIX = "base_model.model."
_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}\.safetensors")
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
    weights = folder / "adapter_model.safetensors"
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
    file = ref.folder / "adapter_model.safetensors"
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
