"""Header-level checks of an adapter folder, before anything maps a tensor. Called by copilots.

Knows file names and the safetensors header; shapes, names and values are server.engine.local.base.loader's business.
"""

import json
import struct
from pathlib import Path
from typing import Any

from server.engine.adapter_lock import read_lock
from server.errors import CopilotError
from server.files import LOCK

_JSON_BYTES_MAX = 64 * 1024
_HEADER_BYTES_MAX = 1024 * 1024
_DTYPE_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
FILES = ("adapter_config.json", "adapter_model.safetensors", LOCK)


def check_files(folder: Path, *, bytes_max: int) -> None:
    """Raises CopilotError (`copilot_refused`, `copilot_lock_invalid`) with the reason."""
    if folder.is_symlink() or not folder.is_dir():
        raise _refused("it must be a folder of its own, not a link")
    for name in FILES:
        file = folder / name
        if file.is_symlink():
            raise _refused(f"{name} is a link")
        if not file.is_file():
            raise _refused(f"{name} is missing")
    _check_json(folder / "adapter_config.json")
    read_lock(folder)
    _check_tensors_file(folder / "adapter_model.safetensors", bytes_max=bytes_max)
    _check_report(folder / "report.json")


def _check_report(file: Path) -> None:
    """An adapter that its own held-out report rejects is not used; one without a report (made elsewhere) is."""
    if not file.exists():
        return
    _check_json(file)
    report = json.loads(file.read_text(encoding="utf-8"))
    if report.get("active") is False:
        raise _refused(f"its held-out report says: {str(report.get('reason', 'no gain'))[:200].rstrip('.')}")


def _check_json(file: Path) -> None:
    if file.stat().st_size > _JSON_BYTES_MAX:
        raise _refused(f"{file.name} is larger than {_JSON_BYTES_MAX // 1024} KiB")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _refused(f"{file.name} is no valid JSON") from error
    if not isinstance(content, dict):
        raise _refused(f"{file.name} holds no object")


def _check_tensors_file(file: Path, *, bytes_max: int) -> None:
    size = file.stat().st_size
    if size > bytes_max:
        raise _refused(f"{file.name} is larger than {bytes_max // 1024**2} MiB")
    with file.open("rb") as stream:
        prefix = stream.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else _HEADER_BYTES_MAX + 1
        if length > min(_HEADER_BYTES_MAX, size - 8):
            raise _refused(f"{file.name} is cut off or has no proper header")
        raw = stream.read(length)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _refused(f"the header of {file.name} is no valid JSON") from error
    if not isinstance(header, dict):
        raise _refused(f"the header of {file.name} holds no object")
    header.pop("__metadata__", None)
    for entry in header.values():
        _check_entry(entry, room=size - 8 - length, name=file.name)


def _check_entry(entry: Any, *, room: int, name: str) -> None:
    try:
        begin, end = entry["data_offsets"]
        elements = 1
        for side in entry["shape"]:
            if type(side) is not int or not 0 <= side < 2**31:
                raise ValueError("side")
            elements *= side
        fits = type(begin) is int and type(end) is int and 0 <= begin <= end <= room
        if not fits or elements * _DTYPE_BYTES[entry["dtype"]] != end - begin:
            raise ValueError("size")
    except (KeyError, TypeError, ValueError) as error:
        raise _refused(f"{name} declares a tensor that its data does not hold") from error


def _refused(reason: str) -> CopilotError:
    return CopilotError(f"The adapter is not used: {reason}.", code="copilot_refused")
