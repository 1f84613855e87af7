"""Which engine the user chose in the sidebar: `<user_dir>/engine.json`. Read by settings, written by the engine's desk.

It stands over settings.toml, and below the environment and the command line: when either names an engine or a base, it
counts for nothing. A file that cannot be read is no choice.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from server.files import SMALL_BYTES_MAX, read_regular, replace_file

_FILE = "engine.json"
_FLAG: TypeAdapter[bool] = TypeAdapter(bool)


class Choice(BaseModel):
    """Of `engine` openai the base is the one to come back to; of local the address is the one to connect again.
    `engine_remote_allowed`: pages may go to that very address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["local", "openai"]
    base: str = Field(max_length=200)
    engine_url: str = Field("", max_length=2_000)
    engine_model: str = Field("", max_length=200)
    engine_remote_allowed: bool = False


def read_choice(user_dir: Path) -> Choice | None:
    try:
        return Choice.model_validate_json(read_regular(user_dir / _FILE, bytes_max=SMALL_BYTES_MAX))
    except (OSError, ValidationError):
        return None


def keep_choice(user_dir: Path, choice: Choice) -> None:
    """Raises OSError."""
    replace_file(user_dir / _FILE, choice.model_dump_json(indent=1) + "\n", mode=0o600)


def forget_choice(user_dir: Path) -> None:
    """Raises OSError."""
    (user_dir / _FILE).unlink(missing_ok=True)


def with_choice(given: Mapping[str, Any], file: Mapping[str, Any], user_dir: Path) -> dict[str, Any]:
    """`file` is settings.toml, `given` the environment and the command line. All of the choice or nothing of it: a
    consent holds for its own address alone."""
    named = Choice.model_fields.keys() & given.keys()
    choice = None if named or _is_pinned({**file, **given}) else read_choice(user_dir)
    return {**file, **(choice.model_dump() if choice is not None else {}), **given}


def _is_pinned(settings: Mapping[str, Any]) -> bool:
    """What is no flag is refused by the settings, right after this."""
    try:
        return _FLAG.validate_python(settings.get("engine_pinned", False))
    except ValidationError:
        return True
