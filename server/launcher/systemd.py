"""The systemd user unit that starts the server at login (Linux). Called by here; knows no commands but systemctl's.

The syntax is that of systemd.syntax(7), systemd.service(5) and systemd.exec(5).
"""

from collections.abc import Iterable
from pathlib import Path

from platformdirs.unix import Unix

from server.launcher.commands import step
from server.launcher.program import Program
from server.launcher.registration import MARKER, Launcher

UNIT = "retinue.service"
_CONTROL = ("systemctl", "--user")
_NO_COMMAND_NAME = frozenset("\"'\\$")  # systemd refuses such a program or takes it for another, however it is quoted
_AS_ARGUMENT = ("/bin/sh", "-c", 'exec "$0" "$@"')


def systemd(program: Program, *, units: Path | None = None) -> Launcher:
    """`units` is the folder of this user's units, found by the XDG rules when left out."""
    file = (units or Unix("systemd").user_config_path / "user") / UNIT
    text = unit(program)
    return Launcher(
        kind="systemd user unit",
        place=str(file),
        file=file,
        content=text.encode(),
        encoding="utf-8",
        signature=text,
        folders=program.folders,
        logs=f"`journalctl --user --unit {UNIT}`",
        reach=(*_CONTROL, "show", "--property=Version"),
        unreachable="Your systemd user manager does not answer. Log in as this user on the screen or by ssh, not by su "
        "or sudo, and install again",
        enabled=(*_CONTROL, "is-enabled", "--quiet", UNIT),
        load=(step(*_CONTROL, "daemon-reload"), step(*_CONTROL, "enable", UNIT)),
        start=(step(*_CONTROL, "start", UNIT),),
        restart=(step(*_CONTROL, "restart", UNIT),),
        stop=(step(*_CONTROL, "stop", UNIT), step(*_CONTROL, "disable", UNIT)),
        forget=(
            step(*_CONTROL, "daemon-reload", may_fail=True),
            step(*_CONTROL, "reset-failed", UNIT, may_fail=True),
        ),
    )


def unit(program: Program) -> str:
    """The unit file. From systemd 254 on a failing start is tried again ever later; older ones give up after ten."""
    variables = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in program.environment.items())
    return f"""\
# {MARKER}
# A change made here is lost at the next `retinue install`; `systemctl --user edit {UNIT}` keeps yours apart.
[Unit]
Description=Retinue, the local server of the sidebar
StartLimitIntervalSec=600
StartLimitBurst=10

[Service]
ExecStart={_command_line(program.command)}
{variables}Restart=on-failure
RestartSec=5
RestartSteps=5
RestartMaxDelaySec=300
# 2: a setting is wrong, and another start would not mend it.
RestartPreventExitStatus=2

# Only these folders can be written. Before systemd 254, and where the kernel gives users no namespaces, the three lines
# about files have no effect in a user unit. No MemoryDenyWriteExecute: the kernels of the model are compiled in memory.
ProtectSystem=strict
ReadWritePaths={" ".join(_quoted(f"-{folder}") for folder in program.folders)}
PrivateTmp=yes
NoNewPrivileges=yes
RestrictSUIDSGID=yes
LockPersonality=yes
UMask=0077

[Install]
WantedBy=default.target
"""


def _command_line(argv: Iterable[str]) -> str:
    """`$` begins a variable in the arguments, and only there."""
    command, *arguments = argv
    words = [*_AS_ARGUMENT, command] if _NO_COMMAND_NAME & set(command) else [command]
    return " ".join(_quoted(word).replace("$", "$$") for word in [*words, *arguments])


def _quoted(text: str) -> str:
    """One word: `%` begins a specifier and a backslash an escape, also within quotation marks."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'
