"""Takes in an adapter that PEFT wrote elsewhere: checks all of it against a base, then files it with the user's own.

Called by copilots. Which base an adapter was made for cannot be read from its files: names and shapes must be
the base's, and that is what the lock then says. What acts is never overwritten without `replace`.
"""

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from server.catalog import bases, versions
from server.catalog.adapter_files import FILES, check_files
from server.catalog.copilot_files import COPILOT_FILE
from server.catalog.layout import adapter_folder, split_id, user_root
from server.engine.adapter_lock import AdapterLock, write_lock
from server.errors import CopilotError
from server.files import ADAPTER_WEIGHTS, LOCK, sha256_of
from server.settings import Settings


@dataclass(frozen=True, slots=True)
class Adopted:
    """Where the adapter is now. `in_use` is False when another one was there and stays in use."""

    folder: Path
    base: str
    activated: bool
    in_use: bool


def adopt(source: Path, copilot_id: str, settings: Settings, *, replace: bool = False) -> Adopted:
    """Check, lock and file the adapter of `source` as `copilot_id` for the settings' base.

    Raises CopilotError with the reason, BaseError when the base cannot be read. Slow: it imports torch.
    """
    split_id(copilot_id)
    base = bases.find(settings, settings.base)
    root = user_root(settings.user_dir)
    target = adapter_folder(root, copilot_id, base.name)
    root.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".import-", dir=root))
    try:
        _copy(source, made, bytes_max=settings.adapter_bytes_max)
        activated = _check(made, base, settings)
        made.chmod(0o755)
        target.parent.mkdir(parents=True, exist_ok=True)
        in_use = replace or not target.exists()
        if replace:
            versions.keep(target)
            shutil.rmtree(target, ignore_errors=True)
        folder = target if in_use else versions.next_place(target)
        os.replace(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    _describe(settings, copilot_id, source.resolve().name)
    return Adopted(folder, base.name, activated, in_use)


def _copy(source: Path, made: Path, *, bytes_max: int) -> None:
    """Config and weights, nothing else: no pickle, no tokenizer, no code comes in."""
    for name in FILES:
        if name == LOCK:
            continue
        file = source / name
        if file.is_symlink() or not file.is_file():
            raise CopilotError(f"{source} has no {name} of its own.", code="copilot_weights_missing")
        if file.stat().st_size > bytes_max:
            raise CopilotError(f"{name} is larger than {bytes_max // 1024**2} MiB.", code="copilot_weights_too_large")
        shutil.copyfile(file, made / name)


def _check(made: Path, base: Path, settings: Settings) -> bool:
    """Write the lock and hold every check of serving against the copy. Returns whether it is an activated LoRA."""
    from server.engine.local.base import adapter
    from server.engine.local.base.outline import outline

    info, linears = outline(base)
    config = adapter.read_adapter_config(made)
    activated = config.alora_invocation_tokens is not None
    digest = sha256_of(made / ADAPTER_WEIGHTS)
    lock = AdapterLock(
        kind="alora" if activated else "lora", base=info.name, base_fingerprint=info.fingerprint,
        weights_sha256=digest, imported=True,
    )  # fmt: skip
    write_lock(made, lock)
    check_files(made, bytes_max=settings.adapter_bytes_max)
    adapter.read_adapter(adapter.check_adapter(made, info), linears)
    header = bases.load_text(base).layout.user_header
    if activated and config.alora_invocation_tokens != header:
        raise CopilotError(
            f"The adapter is invoked by the tokens {config.alora_invocation_tokens}; here it would act from the user's "
            f"turn on, {header}. Train it with these as alora_invocation_tokens.",
            code="copilot_invocation",
        )
    return activated


def _describe(settings: Settings, copilot_id: str, source: str) -> None:
    """A copilot.toml to edit, unless the copilot has one already."""
    folders = [root / copilot_id for root in (settings.adapters_dir, user_root(settings.user_dir))]
    if any((folder / COPILOT_FILE).exists() for folder in folders):
        return
    name = copilot_id.partition("/")[2].replace("-", " ").capitalize()
    promise = f"An imported adapter ({source[:120]})."
    text = f'name = {json.dumps(name)}\npromise = {json.dumps(promise)}\ninstructions = ""\n'
    (folders[1] / COPILOT_FILE).write_text(text, encoding="utf-8")
