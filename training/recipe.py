"""How an adapter is trained, as a strict record. Read by cli and make; knows no torch.

Only what leaves the shared base alone can be said here: PiSSA, OLoRA and layer replication rewrite base
weights, DoRA has no activated form (measured with PEFT 0.21.2).
"""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.errors import BaseError, DataError
from server.files import CONFIG_BYTES_MAX, SMALL_BYTES_MAX, read_regular, read_regular_text, why_not

RECIPES = Path(__file__).parent / "recipes"
SMALL_PARAMETERS_MAX = 400_000_000
_TOUCHES_THE_BASE = {
    "pissa": "PiSSA rewrites the base weights that all copilots share",
    "olora": "OLoRA rewrites the base weights that all copilots share",
    "corda": "CorDA rewrites the base weights that all copilots share",
    "loftq": "LoftQ rewrites the base weights that all copilots share",
    "layer_replication": "layer replication changes the base that all copilots share",
    "modules_to_save": "saved modules replace parts of the base that all copilots share",
    "dora": "DoRA scales base weights and has no activated form",
    "packing": "packed rows leave only the last turn of a row active",
}


class Recipe(BaseModel):
    """One training recipe. Rates are per step; shares are 0 to 1; `epochs` ends early by `patience`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    rank: int = Field(8, ge=1, le=64)
    alpha: int = Field(16, ge=1, le=256)
    targets: tuple[str, ...] = Field(
        ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), min_length=1, strict=False
    )
    lr: float = Field(2e-3, gt=0, le=0.1)
    batch: int = Field(8, ge=1, le=256)
    epochs: int = Field(4, ge=1, le=100)
    warmup_share: float = Field(0.05, ge=0, le=0.5)
    patience: int = Field(2, ge=1, le=100)
    dropout: float = Field(0.0, ge=0, lt=1)
    clip: float = Field(1.0, gt=0)
    abstain_weight: float = Field(1.0, gt=0, le=1)  # of an abstaining example: all alike, they are learned first
    replay_share: float = Field(0.0, ge=0, le=2)  # general examples for each of the copilot's, against forgetting
    seed: int = Field(1, ge=0, lt=2**31)
    checkpointing: bool = False  # layers are computed again in the backward pass: less memory, a third slower
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"


class _Shape(BaseModel):
    """What a config.json says of a base's size; the rest of it is the engine's business."""

    model_config = ConfigDict(extra="ignore", strict=True)

    hidden_size: int = Field(ge=1, le=1 << 20)
    num_hidden_layers: int = Field(ge=1, le=1 << 12)
    vocab_size: int = Field(ge=1, le=1 << 24)
    num_attention_heads: int = Field(ge=1, le=1 << 12)
    num_key_value_heads: int | None = Field(default=None, ge=1, le=1 << 12)
    head_dim: int | None = Field(default=None, ge=1, le=1 << 16)
    intermediate_size: int | None = Field(default=None, ge=1, le=1 << 22)
    tie_word_embeddings: bool = True


def read_recipe(file: Path) -> Recipe:
    """Raises DataError (`data_recipe`) with the file and the key."""
    try:
        values = tomllib.loads(read_regular_text(file.resolve(), bytes_max=SMALL_BYTES_MAX))
    except FileNotFoundError as error:
        raise DataError(f"There is no recipe {file}.", code="data_recipe") from error
    except OSError as error:
        raise DataError(f"The recipe {file} {why_not(error)}.", code="data_recipe") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{file.name} is not TOML: {error}.", code="data_recipe") from error
    return parse_recipe(values, where=file.name)


def parse_recipe(values: dict[str, Any], *, where: str = "recipe") -> Recipe:
    """Raises DataError (`data_recipe`): unknown keys and whatever would change the base are refused."""
    for key, value in values.items():
        for name in (key, value) if isinstance(value, str) else (key,):
            reason = _TOUCHES_THE_BASE.get(name.lower().removeprefix("use_"))
            if reason:
                raise DataError(f"{where}: {name} is refused, because {reason}.", code="data_recipe")
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise DataError(f"{where}: {key}: {first['msg']}.", code="data_recipe") from error


def default_recipe(base: Path) -> Path:
    """The recipe for the base in a folder, by its size. Raises BaseError (`base_unreadable`)."""
    return RECIPES / ("small.toml" if parameters(base) < SMALL_PARAMETERS_MAX else "large.toml")


def parameters(base: Path) -> int:
    """About how many weights the base in a folder has, by its config.json: embeddings and the layers' matrices.

    Raises BaseError (`base_unreadable`).
    """
    try:
        shape = _Shape.model_validate_json(read_regular(base / "config.json", bytes_max=CONFIG_BYTES_MAX))
    except (OSError, ValidationError) as error:
        raise BaseError(
            f"The base model {base.name} has no config.json that says its size. Choose another base model.",
            code="base_unreadable",
        ) from error
    head_dim = shape.head_dim or shape.hidden_size // shape.num_attention_heads
    heads = 2 * (shape.num_attention_heads + (shape.num_key_value_heads or shape.num_attention_heads))
    layer = shape.hidden_size * (heads * head_dim + 3 * (shape.intermediate_size or 4 * shape.hidden_size))
    embeddings = shape.vocab_size * shape.hidden_size * (1 if shape.tie_word_embeddings else 2)
    return embeddings + shape.num_hidden_layers * layer
