"""Header-level checks of an adapter folder, before anything maps a tensor. Called by copilots.

Knows file names and number types; names, shapes and values of tensors are server.engine.local.base.adapter's business.
"""

import json
import os
from pathlib import Path
from typing import Any

from server.engine.adapter_lock import read_lock
from server.errors import CopilotError
from server.files import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    LOCK,
    REPORT_BYTES_MAX,
    SMALL_BYTES_MAX,
    RefusedFile,
    open_regular,
    read_regular,
)

_HEADER_BYTES_MAX = 1024 * 1024
_DTYPES = frozenset({"BF16", "F16", "F32"})
_REPORT = "report.json"


def check_files(folder: Path, *, bytes_max: int) -> None:
    """Raises CopilotError (`copilot_refused`, `copilot_lock_invalid`) with the reason."""
    if folder.is_symlink() or not folder.is_dir():
        raise _refused("it must be a folder of its own, not a link")
    for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS, LOCK):
        if not os.path.lexists(folder / name):
            raise _refused(f"{name} is missing")
    _read_json(folder, ADAPTER_CONFIG, bytes_max=SMALL_BYTES_MAX)
    read_lock(folder)
    _check_tensors_file(folder, bytes_max=bytes_max)
    _check_report(folder)


def _check_report(folder: Path) -> None:
    """An adapter that its own held-out report rejects is not used; one without a report (made elsewhere) is."""
    if not os.path.lexists(folder / _REPORT):
        return
    report = _read_json(folder, _REPORT, bytes_max=REPORT_BYTES_MAX)
    if report.get("active") is False:
        raise _refused(f"its held-out report says: {str(report.get('reason', 'no gain'))[:200].rstrip('.')}")


def _read_json(folder: Path, name: str, *, bytes_max: int) -> dict[str, Any]:
    try:
        content = json.loads(read_regular(folder / name, bytes_max=bytes_max, inside=folder))
    except RefusedFile as error:
        raise _refused(f"{name} {error.strerror}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise _refused(f"{name} is no valid JSON") from error
    if not isinstance(content, dict):
        raise _refused(f"{name} holds no object")
    return content


def _check_tensors_file(folder: Path, *, bytes_max: int) -> None:
    """By the library that reads the tensors later, so that both understand the file alike; maps it, reads no tensor."""
    from safetensors import SafetensorError, safe_open

    file = folder / ADAPTER_WEIGHTS
    try:
        with open_regular(file, bytes_max=bytes_max, inside=folder) as stream:
            header_bytes = int.from_bytes(stream.read(8), "little")
            size = stream.seek(0, os.SEEK_END)
    except RefusedFile as error:
        raise _refused(f"{file.name} {error.strerror}") from error
    if not 0 < header_bytes <= min(_HEADER_BYTES_MAX, size - 8):
        raise _refused(f"{file.name} is cut off or has no proper header")
    try:
        with safe_open(file, framework="numpy") as tensors:
            kinds = {tensors.get_slice(name).get_dtype() for name in tensors.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise _refused(f"{file.name} is not what its header says ({error})") from error
    if not kinds <= _DTYPES:
        raise _refused(f"{file.name} holds other numbers than {', '.join(sorted(_DTYPES))}")


def _refused(reason: str) -> CopilotError:
    return CopilotError(f"The adapter is not used: {reason}.", code="copilot_refused")
