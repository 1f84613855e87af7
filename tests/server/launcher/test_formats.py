"""The files of the three systems say the same program, whatever its path holds: they are read back by other parsers."""

import plistlib
import shlex
import shutil
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import AutostartError
from server.launcher.commands import NOT_THERE, run_command
from server.launcher.here import check_here, launcher_for
from server.launcher.launchd import launchd
from server.launcher.program import Program, program_here
from server.launcher.registration import MARKER
from server.launcher.scheduled_task import scheduled_task
from server.launcher.systemd import systemd, unit
from tests.server.fakes import settings
from tests.server.launcher.system import NASTY, program

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed (Debian: systemd)")
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def values(text: str, key: str) -> list[str]:
    """The words of each line `key=…` of a unit file, as systemd.syntax(7) unquotes them; `%%` is `%`."""
    lines = [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]
    return [word.replace("%%", "%") for line in lines for word in shlex.split(line)]


def argv(text: str) -> list[str]:
    return [word.replace("$$", "$") for word in values(text, "ExecStart")]


def verify(file: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - systemd's own checker
        [str(ANALYZE), "--user", "verify", str(file)], capture_output=True, text=True, check=False,
        env={"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def written(made: Program, folder: Path) -> Path:
    launcher = systemd(made, units=folder)
    launcher.file.write_bytes(launcher.content)
    return launcher.file


def interpreter(folder: Path) -> str:
    """A program that prints the words it is given, one a line."""
    folder.mkdir(parents=True)
    file = folder / "python"
    file.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


@pytest.mark.parametrize("name", NASTY)
def test_a_unit_starts_exactly_this_program_with_these_settings(tmp_path: Path, name: str) -> None:
    made = program(tmp_path / name, interpreter=interpreter(tmp_path / "bin" / name), RETINUE_BASE=name)

    text = unit(made)

    assert values(text, "Environment") == [f"RETINUE_BASE={name}"]
    assert values(text, "ReadWritePaths") == [f"-{folder}" for folder in made.folders]
    started = subprocess.run(argv(text), capture_output=True, text=True, check=True)  # noqa: S603
    assert started.stdout.split("\n") == [*made.command[1:], ""]


@hypothesis.settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1))
def test_any_value_of_a_setting_survives_the_unit(value: str) -> None:
    text = unit(program(Path("/home/u"), RETINUE_BASE=value))

    assert values(text, "Environment") == [f"RETINUE_BASE={value}"]
    assert text.startswith(f"# {MARKER}\n")


@needs_systemd
@pytest.mark.parametrize("name", NASTY)
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path, name: str) -> None:
    made = program(tmp_path / "home" / name, interpreter=interpreter(tmp_path / "bin" / name), RETINUE_BASE=name)

    found = verify(written(made, tmp_path), tmp_path)

    assert found.returncode == 0, found.stderr
    complaints = [line for line in found.stderr.splitlines() if "retinue.service" in line and "Unknown key" not in line]
    assert complaints == []  # systemd before 254 does not know the two keys of the growing pause


@needs_systemd
def test_systemd_would_say_what_is_wrong(tmp_path: Path) -> None:
    found = verify(written(program(tmp_path, interpreter="/none/python"), tmp_path), tmp_path)

    assert (found.returncode, "/none/python" in found.stderr) == (1, True)


def test_a_unit_can_write_its_own_folders_only_and_starts_again_after_a_failure(tmp_path: Path) -> None:
    lines = unit(program(tmp_path)).splitlines()

    assert {"ProtectSystem=strict", "PrivateTmp=yes", "NoNewPrivileges=yes", "UMask=0077"} <= set(lines)
    assert {"Restart=on-failure", "RestartSteps=5", "RestartMaxDelaySec=300", "RestartPreventExitStatus=2"} <= set(
        lines
    )
    assert not [line for line in lines if "Listen" in line or "MemoryHigh" in line or "PrivateUsers" in line]


@pytest.mark.parametrize("name", NASTY)
def test_an_agent_starts_exactly_this_program_with_these_settings(tmp_path: Path, name: str) -> None:
    made = program(tmp_path / name, interpreter=f"/opt/{name}/python", RETINUE_BASE=name)

    launcher = launchd(made, agents=tmp_path, user=501)
    agent = plistlib.loads(launcher.content)

    assert agent["ProgramArguments"] == list(made.command)
    assert agent["EnvironmentVariables"] == {"RETINUE_BASE": name}
    assert agent["StandardOutPath"] == agent["StandardErrorPath"] == str(made.log)
    assert (agent["RunAtLoad"], agent["KeepAlive"]) == (True, {"SuccessfulExit": False})
    assert launcher.file == tmp_path / f"{agent['Label']}.plist"
    assert MARKER in launcher.text


@pytest.mark.parametrize("name", NASTY)
def test_a_task_starts_exactly_this_program_and_keeps_its_output(tmp_path: Path, name: str) -> None:
    made = program(tmp_path / name, interpreter=f"C:\\{name}\\python.exe")

    launcher = scheduled_task(made, folder=tmp_path, user="PC\\Zoë")
    task = ET.fromstring(launcher.content)  # noqa: S314 - what we just made
    [action] = task.iter(f"{TASK}Exec")
    [trigger] = task.iter(f"{TASK}LogonTrigger")

    assert action.findtext(f"{TASK}Command") == made.command[0]
    expected = [*made.command[1:], "--log", str(made.log)]
    assert action.findtext(f"{TASK}Arguments") == subprocess.list2cmdline(expected)
    assert trigger.findtext(f"{TASK}UserId") == "PC\\Zoë"
    assert task.findtext(f"{TASK}RegistrationInfo/{TASK}Description") == launcher.signature
    assert launcher.content.startswith((b"\xff\xfe", b"\xfe\xff"))  # schtasks takes UTF-16 with its mark


def test_a_task_says_that_it_has_no_environment(tmp_path: Path) -> None:
    notes = scheduled_task(program(tmp_path, RETINUE_PORT="9000"), folder=tmp_path, user="u").notes

    assert "RETINUE_PORT" in notes[0]
    assert "settings.toml" in notes[0]


def test_the_program_is_the_interpreter_in_use_with_the_settings_in_use(tmp_path: Path) -> None:
    environment = {"RETINUE_PORT": "9000", "XDG_DATA_HOME": "/d", "SECRET": "x", "PATH": "/bin"}

    made = program_here(settings(tmp_path), environment=environment)

    assert made.command == (sys.executable, "-u", "-P", "-m", "server", "serve")
    assert made.environment == {"RETINUE_PORT": "9000", "XDG_DATA_HOME": "/d"}


def test_a_folder_within_another_one_is_named_once(tmp_path: Path) -> None:
    chosen = settings(tmp_path, user_dir=tmp_path / "u", config_dir=tmp_path / "u" / "c", bases_dir=tmp_path / "b")

    assert program_here(chosen, environment={}).folders == (tmp_path / "b", tmp_path / "u")


@pytest.mark.parametrize("bad", ["line\nbreak", "tab\t", "\x1b[31m", "\x7f", "no utf-8 \udcff", "\u2028", "\x85"])
def test_a_path_that_no_file_can_hold_is_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(AutostartError, match="Rename it") as refusal:
        program_here(settings(tmp_path), interpreter=f"/opt/{bad}/python", environment={})

    assert refusal.value.code == "autostart_path"
    assert refusal.value.message.isprintable()


@pytest.mark.parametrize(
    ("platform", "kind"),
    [("linux", "systemd user unit"), ("darwin", "launchd agent"), ("win32", "scheduled task")],
)
def test_each_system_has_its_launcher(tmp_path: Path, platform: str, kind: str) -> None:
    made = program(tmp_path)

    assert launcher_for(made, platform=platform, config_dir=tmp_path).kind == kind
    check_here(made, platform=platform, systemd_runs=tmp_path)


def test_where_there_is_none_the_command_to_run_instead_is_named(tmp_path: Path) -> None:
    made = program(tmp_path, interpreter="/opt/a b/python")

    for attempt in (
        lambda: check_here(made, platform="linux", systemd_runs=tmp_path / "none"),
        lambda: launcher_for(made, platform="freebsd14", config_dir=tmp_path),
    ):
        with pytest.raises(AutostartError) as refusal:
            attempt()
        assert refusal.value.code == "autostart_unsupported"
        assert refusal.value.message.endswith("'/opt/a b/python' -u -P -m server serve")


def test_a_command_that_is_missing_or_fails_is_a_status() -> None:
    assert run_command(["retinue-no-such-program"]).status == NOT_THERE
    assert run_command([sys.executable, "-c", "print('out'); raise SystemExit('err')"]).status == 1
    assert run_command([sys.executable, "-c", "print('out'); raise SystemExit('err')"]).said == "out\nerr"
