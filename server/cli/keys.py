"""`retinue keys`: who may use the HTTP API. Called by main. A key is shown once; only its hash is kept."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from server.errors import RetinueError
from server.settings import load_settings
from server.transport.api.keys import ApiKeys

keys_app = typer.Typer(no_args_is_help=True, help="Keys of the HTTP API, which is off until there is one.")
NameArgument = Annotated[str, typer.Argument(help="What the key is called here.")]


@keys_app.command()
def create(
    name: NameArgument,
    copilot: Annotated[
        list[str] | None, typer.Option(help="A copilot's id or a category that it may ask; may be repeated.")
    ] = None,
) -> None:
    """Make a key and print it, this once."""
    settings = load_settings()
    secret = ApiKeys(settings.config_dir).create(name, copilots=tuple(copilot or ()))
    print(secret)
    note = f"Keep it: only its hash stays here. The API: http://{settings.host}:{settings.port}/v1"
    print(note, file=sys.stderr)


@keys_app.command(name="list")
def list_keys() -> None:
    """List the keys with what they may ask and when they were last used."""
    stored = ApiKeys(load_settings().config_dir)
    keys, last_used = stored.all(), stored.last_used()
    if not keys:
        print("There is no key: the HTTP API is off. `retinue keys create NAME` makes one.")
        return
    table = Table("name", "may ask", "created", "last used", box=None)
    for key in keys:
        may_ask = ", ".join(key.copilots) or "all copilots"
        table.add_row(key.name, may_ask, str(key.created), str(last_used.get(key.name, "never")))
    Console(highlight=False, markup=False).print(table)


@keys_app.command()
def revoke(name: NameArgument) -> None:
    """Forget a key; requests with it are refused at once."""
    if not ApiKeys(load_settings().config_dir).revoke(name):
        raise RetinueError(f"There is no key {name}. `retinue keys list` shows them.", code="key_unknown")
    print(f"{name} is revoked.")
