"""`retinue install` and `retinue uninstall` as a person types them, against a system that only records."""

import io
import socket
import sys
from pathlib import Path

import pytest

from server.cli import doctor, install, serve
from server.cli.main import main
from server.errors import RetinueError
from server.launcher import here
from server.launcher.commands import Done
from server.log import write_to
from server.settings import Settings
from tests.server.fakes import settings
from tests.server.launcher.system import FakeSystem


class Home:
    """A Linux home of its own with a systemd that records."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys, self.monkeypatch, self.system = capsys, monkeypatch, FakeSystem()
        self.data, self.config = tmp_path / "data" / "retinue", tmp_path / "config" / "retinue"
        self.unit = tmp_path / "config" / "systemd" / "user" / "retinue.service"
        self.environment("XDG_CONFIG_HOME", str(tmp_path / "config"))
        self.environment("RETINUE_PORT", "1")  # nothing answers there
        for name, folder in (("user_dir", self.data), ("config_dir", self.config)):
            monkeypatch.setattr(Settings.model_fields[name], "default", folder)
            self.environment(f"RETINUE_{name.upper()}", str(folder))
        for module, name in ((install, "run"), (doctor, "run_command")):
            monkeypatch.setattr(module, name, self.system)
        self.systemd_runs(tmp_path)
        monkeypatch.setattr(here.launcher_for, "__kwdefaults__", {"platform": "linux"})

    def systemd_runs(self, folder: Path) -> None:
        """It does where `folder` is there."""
        self.monkeypatch.setattr(here.check_here, "__kwdefaults__", {"platform": "linux", "systemd_runs": folder})

    def environment(self, name: str, value: str) -> None:
        self.monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str, typed: str = "") -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        self.monkeypatch.setattr(sys, "argv", ["retinue", *arguments])
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *self.capsys.readouterr()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Home:
    return Home(tmp_path, monkeypatch, capsys)


def test_install_says_what_it_registered_and_where_the_output_goes(home: Home) -> None:
    status, out, err = home("install")

    assert (status, err) == (0, "")
    assert out.startswith(f"Registered: systemd user unit, {home.unit}\n")
    assert "journalctl --user --unit retinue.service" in out
    assert "retinue bases pull" in out  # there is no base model in this home
    assert "retinue uninstall" in out
    assert 'Environment="RETINUE_PORT=1"' in home.unit.read_text()


def test_install_a_second_time_says_so(home: Home) -> None:
    home("install")

    assert home("install")[1].startswith("Registered already: ")


def test_install_can_wait_for_the_next_login(home: Home) -> None:
    _, out, _ = home("install", "--no-now")

    assert "at your next login" in out
    assert not [said for said in home.system.said if "start retinue" in said]


def test_a_dry_run_shows_file_and_commands_and_changes_nothing(home: Home) -> None:
    status, out, _ = home("install", "--dry-run")

    assert status == 0
    assert f"# {home.unit}\n" in out
    assert "\nExecStart=" in out
    assert out.endswith("enable retinue.service\nsystemctl --user restart retinue.service\n")
    assert not home.unit.exists()
    assert home.system.said == []


def test_a_port_that_is_taken_is_said(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        home.environment("RETINUE_PORT", str(server.getsockname()[1]))

        assert "end it: the new one then takes over" in home("install")[1]
        assert "end it" not in home("install")[1]  # it is the registered one by now


def test_a_unit_of_somebody_else_needs_force(home: Home) -> None:
    home.unit.parent.mkdir(parents=True)
    home.unit.write_text("[Service]\n")

    status, _, err = home("install")

    assert (status, err.startswith("retinue: autostart_foreign: ")) == (1, True)
    assert home.unit.read_text() == "[Service]\n"
    assert home("install", "--force")[0] == 0


def test_a_retinue_that_is_not_installed_is_not_registered(home: Home) -> None:
    home.system.answers = {"import server.cli": Done(1, "ModuleNotFoundError")}

    status, _, err = home("install")

    assert (status, err.split(": ")[1], home.unit.exists()) == (1, "autostart_not_installed", False)


def test_a_container_is_told_the_command_to_run_instead(home: Home, tmp_path: Path) -> None:
    home.systemd_runs(tmp_path / "none")

    status, _, err = home("install")

    assert (status, err.split(": ")[1]) == (1, "autostart_unsupported")
    assert err.endswith(f"{sys.executable} -u -P -m server serve\n")
    assert home("install", "--dry-run")[0] == 0


def test_uninstall_removes_the_unit_and_says_what_stays(home: Home) -> None:
    home("install")
    (home.data / "copilots").mkdir()

    status, out, _ = home("uninstall")

    assert (status, home.unit.exists()) == (0, False)
    assert out.startswith(f"The server is stopped, and {home.unit} is removed.\n")
    assert f"{home.data} (0.0 MiB) stays" in out
    assert "retinue uninstall --purge" in out
    assert (home.data / "copilots").is_dir()
    assert home("uninstall")[1].startswith("Nothing was registered.\n")


@pytest.mark.parametrize("typed", ["", "yes\n", "DELETE\n", "y\n"])
def test_without_the_word_no_data_is_deleted(home: Home, typed: str) -> None:
    home("install")

    status, _, err = home("uninstall", "--purge", typed=typed)

    assert (status, err.endswith("retinue: purge_refused: Nothing was deleted.\n")) == (1, True)
    assert home.data.is_dir()


def test_with_the_word_all_data_is_deleted_and_what_is_left_is_named(home: Home) -> None:
    home("install")

    status, out, _ = home("uninstall", "--purge", typed="delete\n")

    assert (status, home.data.exists(), home.config.exists()) == (0, False, False)
    assert f"{home.data} is deleted." in out
    assert sys.prefix in out
    assert home.unit.parent.is_dir()  # the folder of units is the user's


def test_data_of_a_server_that_still_runs_is_not_deleted(home: Home) -> None:
    home("install")
    with socket.create_server(("127.0.0.1", 0)) as server:
        home.environment("RETINUE_PORT", str(server.getsockname()[1]))
        status, _, err = home("uninstall", "--purge", typed="delete\n")

    assert (status, err.split(": ")[1], home.data.is_dir()) == (1, "purge_in_use", True)


def autostart() -> doctor.Finding:
    from server.settings import load_settings

    return next(finding for finding in doctor.examine(load_settings()) if finding.what == "autostart")


def test_the_doctor_says_how_the_server_starts(home: Home, tmp_path: Path) -> None:
    assert "`retinue install` starts the server when you log in" in autostart().found
    home("install")
    assert autostart().found.startswith("the server starts when you log in (systemd user unit; output: `journalctl")
    assert autostart().fix == ""
    home.system.answers = {"is-enabled": Done(1)}
    assert autostart().fix == "run `retinue install`"
    home.environment("RETINUE_PORT", "2")
    assert "another program or settings" in autostart().found
    home.unit.write_text("[Service]\n")
    assert autostart() == doctor.Finding("autostart", f"{home.unit} is not Retinue's own")
    home.systemd_runs(tmp_path / "none")
    assert "not on this system" in autostart().found


def test_the_doctor_survives_a_setting_that_no_registration_can_hold(tmp_path: Path) -> None:
    broken = settings(tmp_path, user_dir=tmp_path / "line\nbreak")

    finding = next(finding for finding in doctor.examine(broken) if finding.what == "autostart")

    assert (finding.found, "Rename it" in finding.fix) == ("autostart_path", True)


def test_a_server_without_a_terminal_writes_a_file_and_keeps_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "logs" / "server.log"
    for text in ("first", "second"):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", None)  # as under pythonw.exe
            patched.setattr(sys, "stderr", None)
            write_to(file)
            print(text)
            print("and errors", file=sys.stderr)
            sys.stdout.close()

    assert file.read_text() == "second\nand errors\n"
    assert file.with_name("server.log.1").read_text() == "first\nand errors\n"


@pytest.mark.parametrize(
    ("program", "command"),
    [("/opt/venv/lib/server/__main__.py", "retinue"), ("/usr/bin/retinue", "retinue"), (".venv/bin/retinue", "")],
)
def test_the_command_to_try_is_one_that_a_person_can_type(
    monkeypatch: pytest.MonkeyPatch, program: str, command: str
) -> None:
    monkeypatch.setattr(sys, "argv", [program, "serve"])

    assert serve._example().startswith(f"{command or program} ask generalist --page ")


def test_a_log_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(RetinueError) as refusal:
        write_to(tmp_path / "file" / "server.log")
    assert refusal.value.code == "log_unwritable"
