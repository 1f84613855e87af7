"""copilot.toml and category.toml: what may stand in them, read and validated. Called by copilots and cli.

They are untrusted: a user may have them from anywhere. An error names file, line and key.
"""

import re
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.errors import CopilotError
from server.text.checks import AnyCheck

COPILOT_FILE, CATEGORY_FILE = "copilot.toml", "category.toml"
_TOML_BYTES_MAX = 64 * 1024
_File = TypeVar("_File", bound="CategoryFile")


class CategoryFile(BaseModel):
    """`checks`: by name, or as a table with parameters: `{check = "must_end_with", text = "Not legal advice."}`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str = Field(min_length=1, max_length=80)
    icon: str = Field(default="", pattern=r"^[a-z-]{0,24}$")
    instructions: str = Field(default="", max_length=4_000)
    checks: list[AnyCheck] = Field(default=[], max_length=32)


class CopilotFile(CategoryFile):
    promise: str = Field(min_length=1, max_length=200)
    starters: list[str] = Field(default=[], max_length=8)
    hints: list[str] = Field(default=[], max_length=64)


def read_file(model: type[_File], file: Path, *, owner: str) -> _File:
    """Raises CopilotError (`copilot_refused`) with `owner`, the file's name and, where one is to blame, the line."""
    where = f"{owner}: {file.name}"
    if file.is_symlink() or file.parent.is_symlink() or file.parent.parent.is_symlink():
        raise CopilotError(f"{where} is reached through a link; copy the folder instead.", code="copilot_refused")
    try:
        if file.stat().st_size > _TOML_BYTES_MAX:
            raise CopilotError(f"{where} is larger than {_TOML_BYTES_MAX // 1024} KiB.", code="copilot_refused")
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text)
        if "norms" in content:  # its name in files of the first format
            raise CopilotError(
                f"{where}{_line(text, 'norms')}: rename `norms` to `instructions`.", code="copilot_refused"
            )
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        line = _line(text, str(first["loc"][0])) if first["loc"] else ""
        raise CopilotError(f"{where}{line}: {key}: {first['msg']}.", code="copilot_refused") from error
    except tomllib.TOMLDecodeError as error:
        raise CopilotError(f"{where} is no valid TOML: {error}.", code="copilot_refused") from error
    except (OSError, ValueError, RecursionError) as error:
        raise CopilotError(f"{where} cannot be read: it is no valid TOML in UTF-8.", code="copilot_refused") from error


def _line(text: str, key: str) -> str:
    """`, line 7` for the line that sets a top-level key; nothing when no line does."""
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return f", line {number}"
    return ""
