"""How an adapter is trained, as a strict record. Read by cli and make; knows no torch.

Only what leaves the shared base alone can be said here: PiSSA, OLoRA and layer replication rewrite base
weights, DoRA has no activated form (measured with PEFT 0.21.2).
"""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.errors import DataError

RECIPES = Path(__file__).parent / "recipes"
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
    replay: float = Field(0.0, ge=0, le=4)  # rows without norms for each row: there the adapter shall stay the base
    rehearsal: float = Field(0.0, ge=0, le=4)  # look-ups on the training pages for each row, so that finding stays
    seed: int = Field(1, ge=0, lt=2**31)
    checkpointing: bool = False  # layers are computed again in the backward pass: less memory, a third slower
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"


def read_recipe(file: Path) -> Recipe:
    """Raises DataError (`data_recipe`) with the file and the key."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"There is no recipe {file}.", code="data_recipe") from error
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


def default_recipe(base: str) -> Path:
    """The recipe for a base by its name: the embedded family has its own."""
    return RECIPES / ("embedded.toml" if base.startswith("retinue-") else "hub.toml")
