"""`retinue install` and `retinue uninstall`: the server starts with the machine, or no longer. Part of cli.

What is written and run is the launcher's; here are the words, and the question before data is deleted.
"""

import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from server.errors import AutostartError
from server.launcher.commands import Run, run_command
from server.launcher.purge import Kept, delete, kept
from server.settings import Settings, load_settings
from server.terminal import say

run: Run = run_command  # tests put one here that only records
_CONNECT_S = 0.5
_WORD = "delete"


def install(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the file and the commands, change nothing.")] = (
        False
    ),
    now: Annotated[bool, typer.Option(help="Start the server at once, not only at the next login.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a registration that is not Retinue's own.")] = False,
) -> None:
    """Start the server whenever you log in: a systemd user unit, a launchd agent or a scheduled task."""
    from server.launcher.here import check_here, launcher_for
    from server.launcher.program import program_here
    from server.launcher.registration import register, state

    settings = load_settings()
    program = program_here(settings)
    launcher = launcher_for(program, config_dir=settings.config_dir)
    if dry_run:
        say("\n".join([f"# {launcher.file}", launcher.text, "# Commands", *launcher.plan(now=now)]))
        return
    check_here(program)
    _check_installed(program.command[0])
    taken = now and state(launcher, run) == "off" and _answers(settings)
    new = register(launcher, run, now=now, force=force)
    say(f"{'Registered' if new else 'Registered already'}: {launcher.kind}, {launcher.place}")
    if taken:
        say(f"Port {settings.port} is in use. If that is a server of yours, end it: the new one then takes over.")
    elif now:
        say("The server is started, and starts whenever you log in. `retinue doctor` says whether it answers.")
    else:
        say("The server starts at your next login.")
    for note in (*launcher.notes, *_first_start(settings)):
        say(note)
    say(f"What it prints goes to {launcher.logs}. `retinue pair code` makes a pairing code for a browser.")
    say("To take it all back: `retinue uninstall`.")


def uninstall(
    purge: Annotated[bool, typer.Option("--purge", help="Delete your data as well; asks for a word first.")] = False,
) -> None:
    """Stop the server and remove what `retinue install` registered. Your data stays, unless you ask."""
    from server.launcher.here import launcher_for
    from server.launcher.program import program_here
    from server.launcher.registration import unregister

    settings = load_settings()
    program = program_here(settings)
    launcher = launcher_for(program, config_dir=settings.config_dir)
    if unregister(launcher, run):
        say(f"The server is stopped, and {launcher.place} is removed.")
    else:
        say("Nothing was registered.")
    found = kept(settings, log=program.log)
    _tell_of_data(found, purge=purge)
    if purge:
        _purge(settings, [one.folder for one in found if not one.why_it_stays])


def _tell_of_data(found: list[Kept], *, purge: bool) -> None:
    for one in found:
        fate = f"stays: {one.why_it_stays}" if one.why_it_stays else "will be deleted" if purge else "stays"
        say(f"{one.folder} ({one.size / 1024**2:,.1f} MiB) {fate}")
    if not purge and found:
        say("That is your data; `retinue uninstall --purge` deletes it.")


def _purge(settings: Settings, folders: list[Path]) -> None:
    if folders:
        _check_purge(settings)
    for folder in folders:
        delete(folder)
        say(f"{folder} is deleted.")
    say(f"The program itself is left: {Path(sys.prefix)}")


def _check_purge(settings: Settings) -> None:
    if _answers(settings):
        raise AutostartError(
            f"A server still answers on port {settings.port}. End it first; nothing was deleted.", code="purge_in_use"
        )
    try:
        answer = typer.prompt(f"All of it, conversations and adapters too: type {_WORD} to delete it", default="")
    except typer.Abort:
        answer = ""
    if answer.strip() != _WORD:
        raise AutostartError("Nothing was deleted.", code="purge_refused")


def _check_installed(interpreter: str) -> None:
    """In another folder and without this shell's PYTHONPATH, as the system will start it."""
    if run((interpreter, "-E", "-P", "-c", "import server.cli")).status:
        raise AutostartError(
            f"Retinue is not installed for {interpreter}. Install it with `make setup` or pipx, then run `retinue "
            "install` of that installation.",
            code="autostart_not_installed",
        )


def _first_start(settings: Settings) -> list[str]:
    from server.catalog.acquire.install import is_here
    from server.catalog.acquire.sources import MODELS

    missing = [model.name for model in MODELS if not is_here(model, settings)]
    return [f"{' and '.join(missing)}: fetched at the first start, or now by `retinue bases pull`."] if missing else []


def _answers(settings: Settings) -> bool:
    try:
        with socket.create_connection((settings.host, settings.port), timeout=_CONNECT_S):
            return True
    except OSError:
        return False
