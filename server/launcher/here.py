"""Which launcher this machine has. Called by cli and doctor; the only place that knows all three."""

import shlex
import subprocess
import sys
from pathlib import Path

from server.errors import AutostartError
from server.launcher.launchd import launchd
from server.launcher.program import Program
from server.launcher.registration import Launcher
from server.launcher.scheduled_task import scheduled_task
from server.launcher.systemd import systemd

_SYSTEMD_RUNS = Path("/run/systemd/system")  # sd_booted(3)


def launcher_for(program: Program, *, platform: str = sys.platform, config_dir: Path) -> Launcher:
    """By the operating system alone. Raises AutostartError (`autostart_unsupported`)."""
    if platform == "darwin":
        return launchd(program)
    if platform == "win32":
        return scheduled_task(program, folder=config_dir)
    if platform == "linux":
        return systemd(program)
    raise _unsupported(f"Retinue knows no way to start with the machine on {platform}", program)


def check_here(program: Program, *, platform: str = sys.platform, systemd_runs: Path = _SYSTEMD_RUNS) -> None:
    """Raises AutostartError (`autostart_unsupported`) in a container and on a Linux without systemd."""
    if platform == "linux" and not systemd_runs.is_dir():
        raise _unsupported("systemd does not run here, as in most containers", program)


def _unsupported(why: str, program: Program) -> AutostartError:
    join = subprocess.list2cmdline if sys.platform == "win32" else shlex.join
    return AutostartError(
        f"{why}, so nothing was registered. Have your own start-up run: {join(list(program.command))}",
        code="autostart_unsupported",
    )
