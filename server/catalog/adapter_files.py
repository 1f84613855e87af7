"""Header-level checks of an adapter folder, before anything maps a tensor. Called by copilots.

Knows file names and number types; names, shapes and values of tensors are server.engine.local.base.adapter's business.
"""

import json
from pathlib import Path

from server.engine.adapter_lock import read_lock
from server.errors import CopilotError
from server.files import ADAPTER_WEIGHTS, LOCK

_JSON_BYTES_MAX = 64 * 1024
_HEADER_BYTES_MAX = 1024 * 1024
_DTYPES = frozenset({"BF16", "F16", "F32"})
FILES = ("adapter_config.json", ADAPTER_WEIGHTS, LOCK)


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
    _check_tensors_file(folder / ADAPTER_WEIGHTS, bytes_max=bytes_max)
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
    """By the library that reads the tensors later, so that both understand the file alike; maps it, reads no tensor."""
    from safetensors import SafetensorError, safe_open

    size = file.stat().st_size
    if size > bytes_max:
        raise _refused(f"{file.name} is larger than {bytes_max // 1024**2} MiB")
    with file.open("rb") as stream:
        header_bytes = int.from_bytes(stream.read(8), "little")
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
