"""How a base's weights are held on this processor, as it was measured: a small file in the settings' folder.

Written by precision, read by precision and doctor; it imports no torch. A record that cannot be read is none: the
next start measures again.
"""

import json
import platform
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.files import read_regular, replace_file

FILE = "weights.json"
_BYTES_MAX = 256 * 1024

WeightsName = Literal["bf16", "int8", "int4"]  # as the setting says it; bf16 is fp32 where the processor lacks bf16


class Choice(BaseModel):
    """`step_ms`: the median time of a step of `tokens` tokens for each way that was measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str
    weights: WeightsName
    wide: Literal["bf16", "fp32"]
    tokens: int = Field(ge=1)
    step_ms: dict[WeightsName, float]


def read(config_dir: Path, *, fingerprint: str, threads: int) -> Choice | None:
    """What was measured of this base on this processor."""
    return _entry(_all(config_dir).get(fingerprint), processor(threads))


def of_base(config_dir: Path, *, name: str, threads: int) -> Choice | None:
    """As `read` for one who knows the base's folder only; the latest."""
    found = [_entry(entry, processor(threads)) for entry in _all(config_dir).values()]
    named = [choice for choice in found if choice is not None and choice.base == name]
    return named[-1] if named else None


def write(config_dir: Path, choice: Choice, *, fingerprint: str, threads: int) -> None:
    """Raises OSError."""
    known = _all(config_dir)
    before = known.pop(fingerprint, None)
    of_others = before if isinstance(before, dict) else {}
    known[fingerprint] = {**of_others, processor(threads): choice.model_dump()}
    replace_file(config_dir / FILE, json.dumps(known, indent=1))


def processor(threads: int) -> str:
    """Whose speed was measured: the processor's own name, and how many threads compute."""
    return f"{_model()}, {threads} thread{'s' * (threads > 1)}"


@cache
def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, named), platform.processor() or platform.machine())


def _entry(of_base: Any, name: str) -> Choice | None:
    try:
        return Choice.model_validate(of_base[name])
    except (ValidationError, KeyError, TypeError, IndexError):
        return None


def _all(config_dir: Path) -> dict[str, Any]:
    file = config_dir / FILE
    try:
        read = json.loads(read_regular(file, bytes_max=_BYTES_MAX))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
