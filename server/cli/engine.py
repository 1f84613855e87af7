"""`retinue engine`: the key of an engine elsewhere, and the adapters in its form. Called by main.

A key stands in no command line and on no screen.
"""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from server.catalog import bases
from server.catalog.adapter_files import check_files
from server.catalog.layout import ADAPTERS, user_root
from server.engine.remote.dialects import adapter_name
from server.engine.remote.key import key_path, store_key
from server.errors import CopilotError
from server.settings import load_settings
from server.terminal import say

engine_app = typer.Typer(no_args_is_help=True, help="What an engine elsewhere needs (`retinue serve --engine …`).")


@engine_app.command()
def key() -> None:
    """Store the key, typed unseen or from standard input, in a file that only you can read."""
    given = getpass.getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline(8_192)
    path = store_key(load_settings(), given)
    say(f"The key is in {path}, for you alone. `retinue engine forget` deletes it.")


@engine_app.command()
def forget() -> None:
    """Delete the stored key."""
    path = key_path(load_settings())
    path.unlink(missing_ok=True)
    say(f"{path} is gone.")


@engine_app.command()
def adapters(
    out: Annotated[Path, typer.Argument(help="A folder for the files; those that are there already are kept.")],
) -> None:
    """Write the adapters of the base as GGUF files: llama.cpp's server is started with them."""
    from server.engine.adapter_check import check_adapter
    from server.engine.local.base.adapter_gguf import write_gguf
    from server.engine.local.base.outline import outline

    settings = load_settings()
    base = bases.find(settings, settings.base)
    info, _ = outline(base)
    out.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    for root in (settings.adapters_dir, user_root(settings.user_dir)):
        for folder in sorted([*root.glob(f"*/{ADAPTERS}/{base.name}"), *root.glob(f"*/*/{ADAPTERS}/{base.name}")]):
            owner = folder.parents[1].relative_to(root).as_posix()
            try:
                check_files(folder, bytes_max=settings.adapter_bytes_max)
                ref = check_adapter(folder, info)
                file = out / f"{adapter_name(owner, ref)}.gguf"
                if not file.exists():
                    write_gguf(ref, base, file)
                made.append(file)
            except CopilotError as error:
                say(f"{owner}: {error.message}")
    options = " ".join(f"--lora {file}" for file in made)
    say(f"{len(made)} adapters are in {out}.")
    say(f"llama-server -m {base / 'weights.gguf'} --lora-init-without-apply {options}")
