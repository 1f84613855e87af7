"""Takes in an adapter that PEFT wrote elsewhere: checks all of it against a base, then files it with the user's own.

Called by copilots. Which base an adapter was made for cannot be read from its files: names and shapes must be
the base's, and that is what the lock then says. What acts is never overwritten without `replace`.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from server.catalog import bases, versions
from server.catalog.adapter_files import check_files
from server.catalog.copilot_files import COPILOT_FILE
from server.catalog.layout import adapter_folder, split_id, user_root
from server.engine.adapter_lock import AdapterLock, write_lock
from server.errors import CopilotError
from server.files import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    SMALL_BYTES_MAX,
    copy_regular,
    replace_file,
    sha256_of,
    why_not,
)
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
    target = adapter_folder(user_root(settings.user_dir), copilot_id, base.name)
    with versions.writing(target) as made:
        _copy(source, made, bytes_max=settings.adapter_bytes_max)
        activated = _check(made, base, settings)
        in_use = replace or not target.exists()
        folder = target if in_use else versions.next_place(target)
        if in_use:
            versions.put_in_use(made, target)
        else:
            os.replace(made, folder)
    _describe(settings, copilot_id, source.resolve().name)
    return Adopted(folder, base.name, activated, in_use)


def _copy(source: Path, made: Path, *, bytes_max: int) -> None:
    """Config and weights, nothing else: no pickle, no tokenizer, no code comes in."""
    for name, most in ((ADAPTER_CONFIG, SMALL_BYTES_MAX), (ADAPTER_WEIGHTS, bytes_max)):
        try:
            copy_regular(source / name, made / name, bytes_max=most)
        except FileNotFoundError:
            raise CopilotError(f"{source} has no {name} of its own.", code="copilot_weights_missing") from None
        except OSError as error:
            raise CopilotError(f"{source / name} {why_not(error)}.", code="copilot_weights_unreadable") from error


def _check(made: Path, base: Path, settings: Settings) -> bool:
    """Write the lock and hold every check of serving against the copy. Returns whether it is an activated LoRA."""
    from server.engine.adapter_check import check_adapter, read_adapter_config
    from server.engine.local.base.adapter import read_adapter
    from server.engine.local.base.outline import outline

    info, linears = outline(base)
    config = read_adapter_config(made)
    activated = config.alora_invocation_tokens is not None
    digest = sha256_of(made / ADAPTER_WEIGHTS)
    lock = AdapterLock(
        kind="alora" if activated else "lora", base=info.name, base_fingerprint=info.fingerprint,
        weights_sha256=digest, imported=True,
    )  # fmt: skip
    write_lock(made, lock)
    check_files(made, bytes_max=settings.adapter_bytes_max)
    read_adapter(check_adapter(made, info), linears)
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
    replace_file(folders[1] / COPILOT_FILE, text)
