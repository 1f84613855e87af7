"""`retinue copilots`: list, show, new, check, import, restore. Part of cli."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from server.catalog.layout import GENERAL, adapter_folder, user_root
from server.settings import Settings, load_settings
from server.terminal import cell, say, terminal

copilots_app = typer.Typer(invoke_without_command=True, help="The copilots: list, make, check, import, restore.")

BaseOption = Annotated[str | None, typer.Option(help="The base it is made for; the default base when left out.")]
CopilotArgument = Annotated[str, typer.Argument(help="<category>/<name>, or the name alone.")]
RootOption = Annotated[
    Path | None, typer.Option("--in", help="Folder of copilots, such as adapters/; your own when left out.")
]


@copilots_app.callback()
def copilots(context: typer.Context) -> None:
    """The copilots and what they promise; without a command they are listed."""
    if context.invoked_subcommand is None:
        list_all()


@copilots_app.command("list")
def list_all() -> None:
    """List the copilots and what they promise."""
    from server.catalog.copilots import GENERALIST, Copilots

    settings = load_settings()
    table = Table("copilot", "promise", "tuned for this base")
    for copilot in Copilots(adapters_dir=settings.adapters_dir, user_dir=settings.user_dir).all():
        owner = GENERAL if copilot.id == GENERALIST else copilot.id
        tuned = any(adapter_folder(root, owner, settings.base).is_dir() for root in _roots(settings))
        table.add_row(cell(copilot.id), cell(copilot.refused or copilot.promise), "yes" if tuned else "-")
    terminal().print(table)


@copilots_app.command()
def show(copilot: CopilotArgument) -> None:
    """Show one copilot: what it promises, its instructions, starters and checks, and where its files are."""
    from server.catalog.copilots import Copilots

    settings = load_settings()
    found = Copilots(adapters_dir=settings.adapters_dir, user_dir=settings.user_dir).get(copilot)
    folders = [str(root / found.id) for root in _roots(settings) if (root / found.id).is_dir()]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, text in (
        ("copilot", f"{found.id}: {found.name} ({found.category_name})"), ("promise", found.promise),
        ("instructions", found.instructions), ("starters", "\n".join(found.starters)),
        ("hints", ", ".join(found.hints)), ("checks", "\n".join(check.label for check in found.checks)),
        ("files", "\n".join(folders) or "built in"),
    ):  # fmt: skip
        table.add_row(name, cell(text or "-"))
    terminal().print(table)


@copilots_app.command()
def new(
    copilot: Annotated[str, typer.Argument(help="<category>/<name>, e.g. legal/lease-reader")],
    root: RootOption = None,
) -> None:
    """Make the folder of a new copilot, with a copilot.toml to fill in."""
    from server.catalog.new_copilot import make

    folder = make(copilot, root or user_root(load_settings().user_dir))
    say(f"Made {folder}. Edit copilot.toml, then: retinue copilots check {copilot}")


@copilots_app.command()
def check(
    copilots: Annotated[list[str] | None, typer.Argument(help="<category>/<name>; all when left out.")] = None,
    root: RootOption = None,
) -> None:
    """Check the files of copilots: what is wrong is named with file and line. Exit status 1 when something is."""
    from training.dataset.copilot_check import check_all

    installed = _roots(load_settings())
    roots = [root] if root else installed
    faults = 0
    for copilot_id, found in check_all(roots, wanted=copilots or [], installed=installed):
        say(copilot_id if found else f"{copilot_id}: no fault")
        for fault in found:
            say(f"  {fault}")
        faults += len(found)
    if faults:
        raise typer.Exit(1)


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
    say(f"{copilot} for {done.base}: {kind}, in {done.folder}")
    if not done.in_use:
        say(f"Another one is in use and stays. To change: retinue copilots restore {copilot}")


@copilots_app.command()
def restore(copilot: CopilotArgument, base: BaseOption = None) -> None:
    """Bring back the earlier version of your own adapter. A second time undoes it."""
    from server.catalog.copilots import Copilots
    from server.catalog.versions import restore as run_restore

    settings = _settings(base=base)
    found = Copilots(adapters_dir=settings.adapters_dir, user_dir=settings.user_dir).get(copilot)
    version = run_restore(adapter_folder(user_root(settings.user_dir), found.id, settings.base))
    say(f"{found.id}: " + (f"version {version.name} is in use again." if version else "your own was put away."))


def _roots(settings: Settings) -> list[Path]:
    return [settings.adapters_dir, user_root(settings.user_dir)]


def _settings(**overrides: Any) -> Settings:
    return load_settings(**{name: value for name, value in overrides.items() if value is not None})
