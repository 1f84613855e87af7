"""One registration, ours, whole or not at all; what somebody else put there stays."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from server.errors import AutostartError
from server.launcher import registration
from server.launcher.commands import NOT_THERE, Done
from server.launcher.launchd import launchd
from server.launcher.program import program_here
from server.launcher.registration import Launcher, register, state, unregister
from server.launcher.scheduled_task import scheduled_task
from server.launcher.systemd import systemd
from tests.server.fakes import settings
from tests.server.launcher.system import FakeSystem, program

THEIRS = "[Service]\nExecStart=/bin/their-own\n"


@pytest.fixture
def unit(tmp_path: Path) -> Launcher:
    return systemd(program(tmp_path), units=tmp_path / "units")


def refused(call: Callable[[], object]) -> AutostartError:
    with pytest.raises(AutostartError) as refusal:
        call()
    return refusal.value


def test_a_unit_is_written_for_this_user_only_then_loaded_and_started(unit: Launcher) -> None:
    system = FakeSystem()

    assert register(unit, system, now=True)
    assert unit.file.read_bytes() == unit.content
    assert stat.S_IMODE(unit.file.stat().st_mode) == 0o600
    assert [file.name for file in unit.file.parent.iterdir()] == ["retinue.service"]
    assert all(folder.is_dir() for folder in unit.folders)
    assert system.said == [
        "systemctl --user show --property=Version",
        "systemctl --user daemon-reload",
        "systemctl --user enable retinue.service",
        "systemctl --user restart retinue.service",
    ]


def test_without_now_nothing_is_started(unit: Launcher) -> None:
    system = FakeSystem()

    register(unit, system, now=False)

    assert system.said[-1] == "systemctl --user enable retinue.service"


def test_a_second_time_changes_nothing_and_interrupts_nobody(unit: Launcher) -> None:
    register(unit, FakeSystem(), now=True)
    before, system = unit.file.stat(), FakeSystem()

    assert not register(unit, system, now=True)
    assert (unit.file.stat().st_ino, unit.file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert "systemctl --user start retinue.service" in system.said
    assert not [said for said in system.said if "restart" in said or "enable retinue" in said]


def test_a_unit_that_was_switched_off_is_switched_on_again(unit: Launcher) -> None:
    register(unit, FakeSystem(), now=True)
    system = FakeSystem({"is-enabled": Done(1)})

    assert state(unit, system) == "switched_off"
    assert register(unit, system, now=False)
    assert "systemctl --user enable retinue.service" in system.said


def test_a_moved_program_is_registered_anew_and_restarted(unit: Launcher, tmp_path: Path) -> None:
    register(unit, FakeSystem(), now=True)
    moved, system = systemd(program(tmp_path, interpreter="/new/python"), units=unit.file.parent), FakeSystem()

    assert state(moved, system) == "other"
    assert register(moved, system, now=True)
    assert '"/new/python"' in unit.file.read_text()
    assert system.said[-1] == "systemctl --user restart retinue.service"


def write(file: Path) -> None:
    file.write_text(THEIRS)


def link(file: Path) -> None:
    elsewhere = file.parent / "dotfiles"
    elsewhere.write_text(f"# {registration.MARKER}\n")
    file.symlink_to(elsewhere)


def mask(file: Path) -> None:
    file.symlink_to("/dev/null")


@pytest.mark.parametrize("put", [write, link, mask, os.mkfifo], ids=["file", "link", "masked", "pipe"])
def test_what_we_did_not_write_is_not_overwritten_without_force(unit: Launcher, put: Callable[[Path], None]) -> None:
    unit.file.parent.mkdir()
    put(unit.file)
    before = unit.file.lstat()

    for attempt in (lambda: register(unit, FakeSystem(), now=True), lambda: unregister(unit, FakeSystem())):
        refusal = refused(attempt)
        assert (refusal.code, str(unit.file) in refusal.message) == ("autostart_foreign", True)
        assert unit.file.lstat() == before

    assert register(unit, FakeSystem(), now=True, force=True)
    assert unit.file.read_bytes() == unit.content
    assert not unit.file.is_symlink()


def test_a_link_is_replaced_by_force_but_what_it_leads_to_stays(unit: Launcher) -> None:
    unit.file.parent.mkdir()
    link(unit.file)

    register(unit, FakeSystem(), now=True, force=True)

    assert (unit.file.parent / "dotfiles").read_text() == f"# {registration.MARKER}\n"


@pytest.mark.parametrize(
    ("done", "says"),
    [
        (Done(NOT_THERE, "systemctl is not installed"), "systemctl is not installed"),
        (Done(1, "Failed to connect to bus: No medium found\n"), "(Failed to connect to bus: No medium found)"),
        (Done(124, "no answer within 60 s"), "no answer within 60 s"),
    ],
)
def test_a_system_that_cannot_be_reached_is_said_before_anything_is_written(
    unit: Launcher, done: Done, says: str
) -> None:
    refusal = refused(lambda: register(unit, FakeSystem({"show": done}), now=True))

    assert (refusal.code, says in refusal.message) == ("autostart_unreachable", True)
    assert not unit.file.parent.exists()


@pytest.mark.parametrize("words", ["daemon-reload", "enable retinue"])
def test_a_registration_that_fails_leaves_what_was_there(unit: Launcher, tmp_path: Path, words: str) -> None:
    system = FakeSystem({words: Done(1, "Access denied\nas root")})

    refusal = refused(lambda: register(unit, system, now=True))

    assert refusal.code == "autostart_failed"
    assert refusal.message.endswith("failed with status 1: Access denied as root.")
    assert not unit.file.exists()
    register(unit, FakeSystem(), now=True)
    other = systemd(program(tmp_path, interpreter="/new/python"), units=unit.file.parent)
    refused(lambda: register(other, system, now=True))
    assert unit.file.read_bytes() == unit.content


def test_a_start_that_fails_is_said_and_the_registration_stays(unit: Launcher) -> None:
    refusal = refused(lambda: register(unit, FakeSystem({"restart": Done(5, "Unit is masked")}), now=True))

    assert (refusal.code, "Unit is masked" in refusal.message) == ("autostart_failed", True)
    assert unit.file.exists()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "autostart_disk_full"),
        (errno.EDQUOT, "autostart_disk_full"),
        (errno.EROFS, "autostart_unwritable"),
        (errno.EACCES, "autostart_unwritable"),
    ],
)
def test_a_disk_that_takes_no_file_is_a_sentence_and_leaves_the_old_file(
    unit: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    register(unit, FakeSystem(), now=True)
    other = systemd(program(tmp_path, interpreter="/new/python"), units=unit.file.parent)

    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    refusal = refused(lambda: register(other, FakeSystem(), now=True))

    assert (refusal.code, str(unit.file) in refusal.message) == (code, True)
    assert [file.name for file in unit.file.parent.iterdir()] == ["retinue.service"]
    assert unit.file.read_bytes() == unit.content


def test_a_folder_of_units_that_is_a_file_is_a_sentence(unit: Launcher) -> None:
    unit.file.parent.write_text("")

    assert refused(lambda: register(unit, FakeSystem(), now=True)).code == "autostart_unwritable"


def test_unregistering_stops_the_server_and_removes_the_unit(unit: Launcher) -> None:
    register(unit, FakeSystem(), now=True)
    system = FakeSystem()

    assert unregister(unit, system)
    assert not unit.file.exists()
    assert system.said[-4:] == [
        "systemctl --user stop retinue.service",
        "systemctl --user disable retinue.service",
        "systemctl --user daemon-reload",
        "systemctl --user reset-failed retinue.service",
    ]
    assert not unregister(unit, FakeSystem())


def test_a_server_that_cannot_be_stopped_is_said_and_the_unit_is_gone_all_the_same(unit: Launcher) -> None:
    register(unit, FakeSystem(), now=True)
    system = FakeSystem({"stop": Done(1, "Failed to connect to bus"), "daemon-reload": Done(1)})

    refusal = refused(lambda: unregister(unit, system))

    assert (refusal.code, "may still run" in refusal.message) == ("autostart_failed", True)
    assert "systemctl --user disable retinue.service" in system.said
    assert not unit.file.exists()


def test_an_agent_is_loaded_once_and_started_without_a_restart(tmp_path: Path) -> None:
    agent = launchd(program(tmp_path), agents=tmp_path / "agents", user=501)
    first, second, last = FakeSystem(), FakeSystem({"bootstrap": Done(5, "already loaded")}), FakeSystem()

    assert register(agent, first, now=True)
    assert first.said[1:] == [
        "launchctl enable gui/501/retinue.server",
        "launchctl bootout gui/501/retinue.server",
        f"launchctl bootstrap gui/501 {agent.file}",
    ]
    assert (tmp_path / "logs").is_dir()  # launchd makes no folder for its output
    assert not register(agent, second, now=True)
    assert second.said[-1] == "launchctl kickstart gui/501/retinue.server"
    assert unregister(agent, last)
    assert last.said == ["launchctl bootout gui/501/retinue.server"]
    assert not agent.file.exists()


def test_a_task_is_asked_of_the_scheduler_not_of_its_file(tmp_path: Path) -> None:
    task = scheduled_task(program(tmp_path), folder=tmp_path / "config", user="u")
    none, ours = FakeSystem({"/XML": Done(1), "/Create": Done(0)}), FakeSystem({"Retinue /XML": Done(0, task.text)})
    none.answers = {"/Create": Done(0), "/Query /TN": Done(1)}

    assert register(task, none, now=True)
    assert none.said[-3:] == [
        f"schtasks /Create /TN Retinue /XML {task.file} /F", "schtasks /End /TN Retinue", "schtasks /Run /TN Retinue"
    ]  # fmt: skip
    assert task.file.read_bytes() == task.content
    assert not register(task, ours, now=True)
    assert ours.said[-1] == "schtasks /Run /TN Retinue"
    assert unregister(task, ours)
    assert ours.said[-1] == "schtasks /Delete /TN Retinue /F"
    assert not task.file.exists()


def test_somebody_else_s_task_of_that_name_stays(tmp_path: Path) -> None:
    task = scheduled_task(program(tmp_path), folder=tmp_path / "config", user="u")
    system = FakeSystem({"Retinue /XML": Done(0, "<Task>theirs</Task>")})

    assert refused(lambda: register(task, system, now=True)).code == "autostart_foreign"
    assert refused(lambda: unregister(task, system)).code == "autostart_foreign"
    assert not [said for said in system.said if "/Create" in said or "/Delete" in said]


def test_a_task_for_another_program_is_made_anew(tmp_path: Path) -> None:
    old = scheduled_task(program(tmp_path), folder=tmp_path, user="u")
    new = scheduled_task(program(tmp_path, interpreter="/new/python"), folder=tmp_path, user="u")
    system = FakeSystem({"Retinue /XML": Done(0, old.text)})

    assert state(new, system) == "other"
    assert register(new, system, now=False)


def test_the_key_of_an_engine_elsewhere_is_not_written_into_a_registration(tmp_path: Path) -> None:
    environment = {"RETINUE_ENGINE": "openai", "RETINUE_ENGINE_KEY": "sk-hush"}

    assert program_here(settings(tmp_path), environment=environment).environment == {"RETINUE_ENGINE": "openai"}
