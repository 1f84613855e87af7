"""What can be known of an adapter folder without reading its tensors: every setting, and the base that it belongs to.

Called by the engines that take adapters, and by catalog through compose. No torch; tensors are read and checked by
`server.engine.local.base.adapter`. PEFT is not used: a hostile adapter_config.json can make it rewrite base weights
(pissa, olora, layer_replication do).
"""

import hashlib
import math
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from server.engine import AdapterRef, BaseInfo
from server.engine.adapter_lock import read_lock
from server.errors import CopilotError
from server.files import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    SMALL_BYTES_MAX,
    check_regular,
    read_regular,
    sha256_of,
    why_not,
)

WEIGHTS_BYTES_MAX = 256 * 1024**2
RANK_MAX = 64
_SAY_NOTHING = frozenset({  # of training, of its tools, or of what is switched off: an answer does not depend on them
    "base_model_name_or_path", "revision", "inference_mode", "lora_dropout", "peft_version", "megatron_core",
    "qalora_group_size", "runtime_config", "auto_mapping",
})  # fmt: skip
_OFF: tuple[object, ...] = (None, False, "", [], {})


class AdapterConfig(BaseModel):
    """What we accept of PEFT's adapter_config.json. Fields that would change the base or the layer are pinned; one that
    is not known here must be switched off.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

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

    @model_validator(mode="after")
    def _nothing_unknown_is_on(self) -> "AdapterConfig":
        for name, value in (self.model_extra or {}).items():
            if name not in _SAY_NOTHING and value not in _OFF:
                raise ValueError(f"{name[:64]!r} is set, which Retinue does not know")
        return self

    @property
    def scaling(self) -> float:
        return self.lora_alpha / (math.sqrt(self.r) if self.use_rslora else self.r)


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
    try:
        check_regular(weights, bytes_max=WEIGHTS_BYTES_MAX, inside=folder)
    except FileNotFoundError as error:
        raise CopilotError("The adapter has no adapter_model.safetensors.", code="copilot_weights_missing") from error
    except OSError as error:
        raise CopilotError(f"{ADAPTER_WEIGHTS} {why_not(error)}.", code="copilot_weights_refused") from error
    if config.alora_invocation_tokens == []:
        raise CopilotError("The adapter names no invocation tokens.", code="copilot_config_invalid")
    return AdapterRef(
        id=f"{folder.parents[2].name}/{folder.parents[1].name}",  # <category>/<copilot>/_adapters/<base>
        folder=folder,
        digest=content_digest(folder, lock.weights_sha256 or sha256_of(weights, bytes_max=WEIGHTS_BYTES_MAX)),
        abstain_least=lock.abstain_least,
        abstain_least_plain=lock.abstain_least_plain,
    )


def read_adapter_config(folder: Path) -> AdapterConfig:
    """Raises CopilotError (`copilot_config_invalid`)."""
    try:
        return AdapterConfig.model_validate_json(_config_bytes(folder))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "adapter_config.json"
        raise CopilotError(
            f"The adapter's setting {field} is not one that Retinue accepts: {first['msg']}.",
            code="copilot_config_invalid",
        ) from error


def _config_bytes(folder: Path) -> bytes:
    try:
        return read_regular(folder / ADAPTER_CONFIG, bytes_max=SMALL_BYTES_MAX, inside=folder)
    except FileNotFoundError as error:
        raise CopilotError(f"{ADAPTER_CONFIG} is missing.", code="copilot_config_missing") from error
    except OSError as error:
        raise CopilotError(f"{ADAPTER_CONFIG} {why_not(error)}.", code="copilot_config_invalid") from error


def content_digest(folder: Path, weights_sha256: str) -> str:
    """Equal weights under another alpha are another adapter."""
    return hashlib.sha256(_config_bytes(folder) + weights_sha256.encode()).hexdigest()
