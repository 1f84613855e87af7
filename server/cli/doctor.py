"""`retinue doctor`: what is in order on this machine, one line each, with what to do where it is not. Called by cli."""

import asyncio
import contextlib
import importlib.util
import json
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from server.catalog import bases
from server.catalog.acquire.disk import SPARE_BYTES
from server.catalog.acquire.install import is_here
from server.catalog.acquire.sources import DEFAULT_BASE, ENCODER, read_note
from server.catalog.copilots import Copilots
from server.cli.serve import extension_build
from server.compose import capabilities, make_engine
from server.engine import Engine
from server.engine.local.base import weights_record
from server.errors import AutostartError, RetinueError
from server.files import CONFIG_BYTES_MAX, read_regular, sha256_of
from server.launcher.commands import run_command
from server.launcher.here import check_here, launcher_for
from server.launcher.program import program_here
from server.launcher.registration import state
from server.settings import Settings
from server.transport.keyfile import KeyFile

_CONNECT_S = 0.5
_ONLY_LOCAL = ("weights",)
_OF_THE_BASE = ("torch", "base model", "encoder")  # where any model answers they are not needed
_MEMORY_BYTES = 384 * 1024**2  # a page and an answer of the default base
_FETCH = "run `retinue bases pull`; without a network, `retinue bases add FILE`"


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` says what to do and `code` is stable, for programs; empty and `ok` when all is well."""

    what: str
    found: str
    fix: str = ""
    code: str = "ok"


def examine(settings: Settings) -> Iterator[Finding]:
    checks: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("python", _python),
        ("torch", _torch),
        ("engine", _engine),
        ("base model", _base),
        ("weights", _weights),
        ("encoder", _encoder),
        ("copilots", _copilots),
        ("disk", _disk),
        ("memory", _memory),
        ("port", _port),
        ("autostart", _autostart),
        ("pairing file", _pairing_file),
        ("extension", _extension),
    ]
    for what, check in checks:
        if settings.engine != "local" and what in _ONLY_LOCAL:
            continue
        if settings.engine == "openai" and what in _OF_THE_BASE:
            continue
        try:
            yield check(settings)
        except RetinueError as error:
            yield Finding(what, error.code, error.message, error.code)


def _python(_: Settings) -> Finding:
    return Finding("python", platform.python_version())


def _torch(_: Settings) -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("torch", "missing", "run `make setup`", "torch_missing")
    with contextlib.suppress(PackageNotFoundError):
        return Finding("torch", version("torch"))
    return Finding("torch", "broken", "run `make setup`", "torch_broken")


def _engine(settings: Settings) -> Finding:
    """What answers here can be trusted for, as the sidebar says it."""
    can = capabilities(settings)
    adapters = {"activated": "tuned copilots", "plain": "tuned copilots", "none": "copilots by instructions alone"}
    quotes = {"guard": "chosen from the page", "grammar": "held to the page's words", "checked": "checked afterwards"}
    where = f"on {can.host}: the text of pages is sent there" if can.host else "on this machine"
    if settings.engine != "local":
        base = None if settings.engine == "openai" else bases.find(settings, settings.base)
        where = f"{asyncio.run(_model_of(make_engine(settings, base)))} {where}"
    return Finding("engine", f"{where}; {adapters[can.adapters]}; quotations {quotes[can.quotes]}")


async def _model_of(engine: Engine) -> str:
    """What a server elsewhere has to answer with. Raises RetinueError."""
    try:
        await engine.start()
        return engine.info.name
    finally:
        await engine.stop()


def _base(settings: Settings) -> Finding:
    if settings.base == DEFAULT_BASE.name and not is_here(DEFAULT_BASE, settings):
        return Finding("base model", f"{settings.base} is not here yet", _FETCH, "base_missing")
    folder = bases.find(settings, settings.base)
    damaged = _damaged(folder)
    if damaged:
        fix = f"delete {folder} and fetch it again"
        return Finding("base model", f"{settings.base}: {damaged} is damaged", fix, "base_damaged")
    try:
        config = json.loads(read_regular(folder / "config.json", bytes_max=CONFIG_BYTES_MAX))
        weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    except (OSError, ValueError):
        fix = "its config.json cannot be read; download it again"
        return Finding("base model", settings.base, fix, "base_unreadable")
    source = read_note(folder) or "source unknown"
    about = f"{settings.base} ({config.get('model_type')}, {weights / 1024**2:.0f} MiB, {source})"
    if not weights:
        return Finding("base model", about, "it has no model.safetensors; download it again", "base_without_weights")
    return Finding("base model", about)


def _encoder(settings: Settings) -> Finding:
    found = bases.find_encoder(settings)
    if found is None:
        return Finding("encoder", f"{ENCODER.name} is not here yet", _FETCH, "encoder_missing")
    damaged = _damaged(found.folder)
    if damaged:
        fix = f"delete {found.folder} and fetch it again"
        return Finding("encoder", f"{ENCODER.name}: {damaged} is damaged", fix, "encoder_damaged")
    return Finding("encoder", f"{ENCODER.name}, {'with' if found.adapter else 'without'} the finder's adapter")


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
    about = f"{len(found)} found, {len(refused)} refused"
    return (
        Finding("copilots", about, refused[0].refused or "", "copilot_refused")
        if refused
        else Finding("copilots", about)
    )


def _disk(settings: Settings) -> Finding:
    place = next(parent for parent in (settings.user_dir, *settings.user_dir.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    about = f"{free / 1024**3:.1f} GiB free"
    if free < SPARE_BYTES:
        return Finding("disk", about, f"make room on the disk of {place}, where conversations are kept", "disk_low")
    return Finding("disk", about)


def _memory(_: Settings) -> Finding:
    import psutil

    free = psutil.virtual_memory().available
    about = f"{free / 1024**3:.1f} GiB free"
    if free < _MEMORY_BYTES:
        return Finding("memory", about, "close other programs: answers become slow, or fail", "memory_low")
    return Finding("memory", about)


def _port(settings: Settings) -> Finding:
    try:
        with socket.create_connection((settings.host, settings.port), timeout=_CONNECT_S):
            return Finding("port", f"{settings.port} answers (the server runs)")
    except OSError:
        return Finding("port", f"{settings.port} is free (the server does not run)")


def _autostart(settings: Settings) -> Finding:
    program = program_here(settings)
    try:
        check_here(program)
        launcher = launcher_for(program, config_dir=settings.config_dir)
    except AutostartError:
        return Finding("autostart", "not on this system; `retinue serve` starts the server")
    kind, place, again = launcher.kind, launcher.place, "run `retinue install`"
    return {
        "off": Finding("autostart", "off; `retinue install` starts the server when you log in"),
        "foreign": Finding("autostart", f"{place} is not Retinue's own"),
        "other": Finding("autostart", f"{place} is for another program or settings", again, "autostart_other"),
        "switched_off": Finding("autostart", f"{place} is switched off", again, "autostart_switched_off"),
        "on": Finding("autostart", f"the server starts when you log in ({kind}; output: {launcher.logs})"),
    }[state(launcher, run_command)]


def _pairing_file(settings: Settings) -> Finding:
    keys = KeyFile(settings.config_dir)
    if not keys.path.exists():
        return Finding("pairing file", "none yet, made at the first `retinue serve`")
    exposed = sys.platform != "win32" and bool(keys.path.stat().st_mode & 0o077)  # looked at first: reading mends it
    about = f"{len(keys.origins())} keys in {keys.path}"
    if exposed:
        fix = "other users could read it until now; pair again if they may have"
        return Finding("pairing file", about, fix, "pairing_file_exposed")
    return Finding("pairing file", about)


def _extension(_: Settings) -> Finding:
    build = extension_build()
    if build is None:
        return Finding("extension", "not built", "run `make setup`, or take it from the releases", "extension_missing")
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
