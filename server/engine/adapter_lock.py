"""lock.json of an adapter folder: what its weights belong to, and their hash. The one reader and writer of that file,
for catalog, the loader, training and bench. The file may come from anywhere: nothing in it is believed unchecked.
"""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from server.errors import CopilotError
from server.files import LOCK, SMALL_BYTES_MAX, RefusedFile, read_regular

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class AdapterLock(BaseModel):
    """What decides whether an adapter fits. What else its training noted (recipe, data, versions) is kept unread."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    format: Literal[1] = 1
    kind: Literal["alora", "lora"] | None = None
    base: str | None = Field(default=None, max_length=200)
    base_fingerprint: Fingerprint | None = None  # of the base model that it was made for
    base_sha256: Sha256 | None = None  # of the sentence encoder's weights, for the finder's adapter
    weights_sha256: Sha256 | None = None  # None of an adapter that was made elsewhere
    imported: bool = False
    abstain_least: float | None = Field(default=None, ge=0.01, le=1)  # see AdapterRef
    abstain_least_plain: float | None = Field(default=None, ge=0.01, le=1)


def read_lock(folder: Path) -> AdapterLock:
    """Raises CopilotError (`copilot_lock_invalid`) with the reason."""
    try:
        return AdapterLock.model_validate_json(read_regular(folder / LOCK, bytes_max=SMALL_BYTES_MAX, inside=folder))
    except RefusedFile as error:
        raise _invalid(str(error.strerror)) from error
    except OSError as error:
        raise _invalid("is missing or cannot be read") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise _invalid(f"is broken ({'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']})") from error


def write_lock(folder: Path, lock: AdapterLock) -> None:
    """Raises OSError."""
    content = json.dumps(lock.model_dump(mode="json", exclude_unset=True), indent=1, ensure_ascii=False)
    (folder / LOCK).write_text(content + "\n", encoding="utf-8")


def _invalid(reason: str) -> CopilotError:
    return CopilotError(f"The adapter's lock.json {reason}.", code="copilot_lock_invalid")
