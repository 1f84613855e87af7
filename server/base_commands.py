"""`retinue bases`: list, pull, use, remove. Part of cli; asks for consent before anything is downloaded."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from server.errors import BaseError
from server.hub import Hub, HuggingFace, Offer
from server.settings import load_settings

bases_app = typer.Typer(invoke_without_command=True, help="The base models: list, pull, use, remove.")
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
    from server.bases import list_bases

    settings = load_settings()
    for name, folder in list_bases(settings).items():
        _print(f"{'*' if name == settings.base else ' '} {name}  {folder}")


@bases_app.command()
def pull(
    model: Annotated[str, typer.Argument(help="owner/name on huggingface.co, e.g. Qwen/Qwen3-0.6B")],
    yes: Annotated[bool, typer.Option("--yes", help="Download without asking.")] = False,
) -> None:
    """Download a base model. Shows size and licence and asks first; a download that was cut off goes on."""
    from server.pull import pull as run_pull

    folder = run_pull(model, load_settings(), hub=make_hub(), consent=lambda offer, size: yes or _agreed(offer, size))
    _print(f"{folder.name} is in {folder}.\nChoose it: retinue bases use {folder.name}")


@bases_app.command()
def use(name: NameArgument) -> None:
    """Make a base model the default, from the next start of the server on."""
    from server.pull import use as run_use

    file = run_use(name, load_settings())
    _print(f"The base is now {name} ({file}). Restart `retinue serve` when it runs.")
    if load_settings().base != name:
        _print("RETINUE_BASE in the environment names another one and wins over the file.")


@bases_app.command()
def remove(name: NameArgument) -> None:
    """Delete a downloaded base model. Its adapters stay."""
    from server.pull import remove as run_remove

    _print(f"{run_remove(name, load_settings())} was deleted.")


def _agreed(offer: Offer, size: int) -> bool:
    _print(f"{offer.repo}, licence: {offer.licence}, to download: {size / 1024**2:,.0f} MiB")
    if not sys.stdin.isatty():
        raise BaseError("Nobody can be asked here. Add --yes to agree to the download.", code="base_consent")
    return typer.confirm("Download it?")


def _print(text: str) -> None:
    Console(highlight=False).print(text, soft_wrap=True, markup=False)
