"""`retinue copilots`: list, import, restore. Part of cli."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from server.settings import Settings, load_settings

copilots_app = typer.Typer(invoke_without_command=True, help="The copilots: list, import, restore.")

BaseOption = Annotated[str | None, typer.Option(help="The base it is made for; the default base when left out.")]


@copilots_app.callback()
def copilots(context: typer.Context) -> None:
    """The copilots and what they promise; without a command they are listed."""
    if context.invoked_subcommand is None:
        list_all()


@copilots_app.command("list")
def list_all() -> None:
    """List the copilots and what they promise."""
    from server.catalog.copilots import Copilots

    settings = load_settings()
    table = Table("copilot", "promise", "made for this base")
    for copilot in Copilots(adapters_dir=settings.adapters_dir, user_dir=settings.user_dir).all():
        folder = settings.adapters_dir / copilot.id / settings.base
        users = settings.user_dir / "copilots" / copilot.id / settings.base
        table.add_row(
            copilot.id, copilot.refused or copilot.promise, "yes" if folder.is_dir() or users.is_dir() else "-"
        )
    Console(highlight=False).print(table)


@copilots_app.command("import")
def import_adapter(
    folder: Annotated[Path, typer.Argument(help="Folder with adapter_config.json and adapter_model.safetensors.")],
    copilot: Annotated[str, typer.Option("--as", help="<category>/<name>, e.g. legal/lease-review")],
    base: BaseOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in use; the one in use is kept.")] = False,
) -> None:
    """Take in a LoRA or aLoRA adapter that PEFT wrote elsewhere."""
    from server.cli.adopt import adopt

    done = adopt(folder, copilot, _settings(base=base), replace=replace)
    kind = "an activated LoRA" if done.activated else "a plain LoRA, whose page cache is its own"
    _print(f"{copilot} for {done.base}: {kind}, in {done.folder}")
    if not done.in_use:
        _print(f"Another one is in use and stays. To change: retinue copilots restore {copilot}")


@copilots_app.command()
def restore(
    copilot: Annotated[str, typer.Argument(help="<category>/<name>, or the name alone.")], base: BaseOption = None
) -> None:
    """Bring back the earlier version of your own adapter. A second time undoes it."""
    from server.catalog.copilots import Copilots
    from server.catalog.versions import restore as run_restore

    settings = _settings(base=base)
    found = Copilots(adapters_dir=settings.adapters_dir, user_dir=settings.user_dir).get(copilot)
    version = run_restore(settings.user_dir / "copilots" / found.id / settings.base)
    _print(f"{found.id}: " + (f"version {version.name} is in use again." if version else "your own was put away."))


def _settings(**overrides: Any) -> Settings:
    return load_settings(**{name: value for name, value in overrides.items() if value is not None})


def _print(text: str) -> None:
    Console(highlight=False).print(text, soft_wrap=True, markup=False)
