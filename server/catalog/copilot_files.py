"""copilot.toml and category.toml: what may stand in them, read and validated. Called by copilots, own and cli.

They are untrusted: a user may have them from anywhere. An error names file, line and key.
"""

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from server.errors import CopilotError
from server.files import SMALL_BYTES_MAX, RefusedFile, read_regular_text
from server.protocol import PANEL_MAX, PANEL_MIN, CopilotId
from server.text.checks import AnyCheck

COPILOT_FILE, CATEGORY_FILE = "copilot.toml", "category.toml"
_File = TypeVar("_File", bound="_SharedFile")


class _SharedFile(BaseModel):
    """`checks`: by name, or as a table with parameters: `{check = "must_end_with", text = "Not legal advice."}`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str = Field(min_length=1, max_length=80)
    icon: str = Field(default="", pattern=r"^[a-z-]{0,24}$")
    instructions: str = Field(default="", max_length=4_000)
    checks: list[AnyCheck] = Field(default=[], max_length=32)


class CategoryFile(_SharedFile):
    """`panel`: copilots that go well together on its pages, of this category or others; None: it has none."""

    panel: list[CopilotId] | None = Field(default=None, min_length=PANEL_MIN, max_length=PANEL_MAX)

    @field_validator("panel")
    @classmethod
    def _names_each_once(cls, panel: list[str] | None) -> list[str] | None:
        if panel is not None and len(set(panel)) < len(panel):
            raise ValueError("a copilot stands in it twice")
        return panel


class CopilotFile(_SharedFile):
    promise: str = Field(min_length=1, max_length=200)
    starters: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default=[], max_length=8)
    hints: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(default=[], max_length=64)


class ExportedFile(CopilotFile):
    """A copilot as one file: its copilot.toml, and its id."""

    id: str = Field(min_length=3, max_length=130)


def read_file(model: type[_File], file: Path, *, root: Path, owner: str) -> _File:
    """`root`: the folder of copilots, below which nothing may be a link. Raises CopilotError (`copilot_refused`) with
    `owner`, the file's name and, where one is to blame, the line.
    """
    where = f"{owner}: {file.name}"
    try:
        text = read_regular_text(file, bytes_max=SMALL_BYTES_MAX, inside=root)
    except RefusedFile as error:
        linked = "; copy the folder instead" if "link" in str(error.strerror) else ""
        raise CopilotError(f"{where} {error.strerror}{linked}.", code="copilot_refused") from error
    except (OSError, ValueError) as error:
        raise CopilotError(f"{where} cannot be read: it is no valid TOML in UTF-8.", code="copilot_refused") from error
    return parse_file(model, text, where=where)


def parse_file(model: type[_File], text: str, *, where: str) -> _File:
    """Raises CopilotError (`copilot_refused`) with `where` and, where one is to blame, the line."""
    try:
        content = tomllib.loads(text)
        if "norms" in content:  # its name in files of the first format
            raise CopilotError(
                f"{where}{line_of('norms', text)}: rename `norms` to `instructions`.", code="copilot_refused"
            )
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        line = line_of(str(first["loc"][0]), text) if first["loc"] else ""
        raise CopilotError(f"{where}{line}: {key}: {first['msg']}.", code="copilot_refused") from error
    except tomllib.TOMLDecodeError as error:
        raise CopilotError(f"{where} is no valid TOML: {error}.", code="copilot_refused") from error
    except (ValueError, RecursionError) as error:
        raise CopilotError(f"{where} cannot be read: it is no valid TOML in UTF-8.", code="copilot_refused") from error


def category_file(category: str, roots: Sequence[Path]) -> tuple[Path, Path] | None:
    """The category.toml that counts, that of the last root which has one, and its root."""
    files = [(file, root) for root in roots if os.path.lexists(file := root / category / CATEGORY_FILE)]
    return files[-1] if files else None


def read_category(category: str, roots: Sequence[Path], *, owner: str) -> CategoryFile:
    """Raises CopilotError as `read_file`."""
    found = category_file(category, roots)
    if found is None:
        return CategoryFile(name=category.title())
    return read_file(CategoryFile, found[0], root=found[1], owner=owner)


def line_of(key: str, text: str) -> str:
    """`, line 7` for the line that sets a top-level key; nothing when no line does."""
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return f", line {number}"
    return ""
