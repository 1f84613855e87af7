"""`retinue doctor`: what is in order on this machine, one line each, with what to do where it is not. Called by cli."""

import contextlib
import importlib.util
import json
import platform
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from server.catalog import bases
from server.catalog.acquire.install import is_here
from server.catalog.acquire.sources import DEFAULT_BASE, ENCODER, read_note
from server.catalog.copilots import Copilots
from server.cli.serve import extension_build
from server.engine.local.base import weights_record
from server.errors import RetinueError
from server.files import sha256_of
from server.settings import Settings
from server.transport.keyfile import KeyFile

_CONNECT_S = 0.5
_FETCH = "run `retinue bases pull`; without a network, `retinue bases add FILE`"


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` is empty when all is well."""

    what: str
    found: str
    fix: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    checks: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("python", _python),
        ("torch", _torch),
        ("base model", _base),
        ("weights", _weights),
        ("encoder", _encoder),
        ("copilots", _copilots),
        ("port", _port),
        ("pairing file", _pairing_file),
        ("extension", _extension),
    ]
    for what, check in checks:
        try:
            yield check(settings)
        except RetinueError as error:
            yield Finding(what, error.code, error.message)


def _python(_: Settings) -> Finding:
    fix = "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer"
    return Finding("python", platform.python_version(), fix)


def _torch(_: Settings) -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("torch", "missing", "run `make setup`")
    with contextlib.suppress(PackageNotFoundError):
        return Finding("torch", version("torch"))
    return Finding("torch", "broken", "run `make setup`")


def _base(settings: Settings) -> Finding:
    if settings.base == DEFAULT_BASE.name and not is_here(DEFAULT_BASE, settings):
        return Finding("base model", f"{settings.base} is not here yet", _FETCH)
    folder = bases.find(settings, settings.base)
    damaged = _damaged(folder)
    if damaged:
        return Finding("base model", f"{settings.base}: {damaged} is damaged", f"delete {folder} and fetch it again")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    except (OSError, ValueError):
        return Finding("base model", settings.base, "its config.json cannot be read; download it again")
    fix = "" if weights else "it has no model.safetensors; download it again"
    source = read_note(folder) or "source unknown"
    about = f"{settings.base} ({config.get('model_type')}, {weights / 1024**2:.0f} MiB, {source})"
    return Finding("base model", about, fix)


def _encoder(settings: Settings) -> Finding:
    found = bases.find_encoder(settings)
    if found is None:
        return Finding("encoder", f"{ENCODER.name} is not here yet", _FETCH)
    folder = found.folder
    about = f"{ENCODER.name}, {'with' if found.adapter else 'without'} the finder's adapter"
    damaged = _damaged(folder)
    fix = f"delete {folder} and fetch it again" if damaged else ""
    return Finding("encoder", f"{ENCODER.name}: {damaged} is damaged" if damaged else about, fix)


def _damaged(folder: Path) -> str:
    """Name of the first file that is not what was put there."""
    note = read_note(folder)
    for name, sha256 in (note.sha256 if note else {}).items():
        file = folder / Path(name).name
        if not file.is_file() or sha256_of(file) != sha256:
            return name
    return ""


def _weights(settings: Settings) -> Finding:
    """Which way to hold the base's weights `serve` takes on this processor, and why."""
    if settings.weights != "auto":
        return Finding("weights", f"{settings.weights}, as set")
    choice = weights_record.of_base(settings.config_dir, name=settings.base, threads=settings.threads)
    if choice is None:
        return Finding("weights", "the processor's own type; a base with 4-bit groups is measured at its first start")
    words = {"bf16": choice.wide, "int8": "8 bits for a few tokens at once", "int4": "4 bits for a few tokens at once"}
    held = words[choice.weights] + (f", {choice.wide} for more" if choice.weights != "bf16" else "")
    tokens = "one token" if choice.tokens == 1 else f"{choice.tokens} tokens"
    times = ", ".join(f"{choice.wide if name == 'bf16' else name} {ms:.1f}" for name, ms in choice.step_ms.items())
    return Finding("weights", f"{held} (ms for {tokens}: {times}; {weights_record.processor(settings.threads)})")


def _copilots(settings: Settings) -> Finding:
    found = Copilots(adapters_dir=settings.adapters_dir, user_dir=settings.user_dir).all()
    refused = [copilot for copilot in found if copilot.refused]
    return Finding(
        "copilots", f"{len(found)} found, {len(refused)} refused", refused[0].refused or "" if refused else ""
    )


def _port(settings: Settings) -> Finding:
    try:
        with socket.create_connection((settings.host, settings.port), timeout=_CONNECT_S):
            return Finding("port", f"{settings.port} answers (the server runs)")
    except OSError:
        return Finding("port", f"{settings.port} is free (the server does not run)")


def _pairing_file(settings: Settings) -> Finding:
    keys = KeyFile(settings.config_dir)
    if not keys.path.exists():
        return Finding("pairing file", "none yet, made at the first `retinue serve`")
    open_to_others = sys.platform != "win32" and keys.path.stat().st_mode & 0o077
    fix = f"others can read it: chmod 600 {keys.path}" if open_to_others else ""
    return Finding("pairing file", f"{len(keys.origins())} keys in {keys.path}", fix)


def _extension(_: Settings) -> Finding:
    build = extension_build()
    if build is None:
        return Finding("extension", "not built", "run `make setup`, or take it from the releases")
    return Finding("extension", str(build))


def examine_weights(settings: Settings) -> Iterator[Finding]:
    """Loss and speed of each way to hold the base's weights; what `auto` takes from now on. Raises BaseError."""
    from server.engine.local.forward.precision import measure_all

    folder = bases.find(settings, settings.base)
    measured, chosen = measure_all(folder, config_dir=settings.config_dir, threads=settings.threads)
    for one in measured:
        taken = ", taken by auto" if one.weights == chosen else ""
        yield Finding(
            f"weights {one.weights}", f"loss {one.loss:.4f} nats a token, {one.step_ms:.1f} ms for three tokens{taken}"
        )
