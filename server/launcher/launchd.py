"""The launchd agent that starts the server at login (macOS). Called by here; knows no commands but launchctl's.

The keys are those of launchd.plist(5).
"""

import os
import plistlib
from pathlib import Path

from server.launcher.commands import step
from server.launcher.program import Program
from server.launcher.registration import MARKER, Launcher

LABEL = "retinue.server"
_RESTART_AFTER_S = 30


def launchd(program: Program, *, agents: Path | None = None, user: int | None = None) -> Launcher:
    """`agents` and `user` are this user's folder of agents and number when left out."""
    domain = f"gui/{os.getuid() if user is None else user}"
    service = f"{domain}/{LABEL}"
    file = (agents or Path.home() / "Library" / "LaunchAgents") / f"{LABEL}.plist"
    content = plistlib.dumps(_agent(program), sort_keys=False)
    return Launcher(
        kind="launchd agent",
        place=str(file),
        file=file,
        content=content,
        encoding="utf-8",
        signature=content.decode(),
        folders=(*program.folders, program.log.parent),
        logs=str(program.log),
        reach=("launchctl", "print", domain),
        unreachable="launchd takes agents only from a session on the screen. Log in there and install again",
        load=(step("launchctl", "enable", service),),
        start=(
            step("launchctl", "enable", service),
            step("launchctl", "bootstrap", domain, str(file), may_fail=True),  # it is mostly there already
            step("launchctl", "kickstart", service),
        ),
        restart=(
            step("launchctl", "bootout", service, may_fail=True),
            step("launchctl", "bootstrap", domain, str(file)),
        ),
        stop=(step("launchctl", "bootout", service, may_fail=True),),
        forget=(),
    )


def _agent(program: Program) -> dict[str, object]:
    return {
        "Comment": MARKER,
        "Label": LABEL,
        "ProgramArguments": list(program.command),
        "EnvironmentVariables": dict(program.environment),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": _RESTART_AFTER_S,
        "ProcessType": "Interactive",  # a person waits for its answers
        "Umask": 0o077,
        "StandardOutPath": str(program.log),
        "StandardErrorPath": str(program.log),
    }
