"""Every command over what is hostile: texts that act on a terminal, and disks and files that fail."""

import errno
import json
import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.cli.commands import Cli
from tests.server.fakes import write_copilot
from training.cli.main import app as training

EVIL = "\x1b[2J\x1b]0;x\x07\x9b31m\u202e\u2066\u200b[red]R[/red]"
TOML_EVIL = EVIL.encode("unicode_escape").decode().replace("\\x", "\\u00")
PAIRED = "chrome-extension://a"
COMMANDS: dict[str, list[str]] = {
    "ask": ["ask", "lease", "--page", "PAGE", "How long?"],
    "ask --json": ["ask", "lease", "--page", "PAGE", "How long?", "--json"],
    "bases": ["bases"],
    "bases add": ["bases", "add", "FOLDER"],
    "bases pull": ["bases", "pull", "no model"],
    "bases use": ["bases", "use", "other"],
    "bases remove": ["bases", "remove", "other"],
    "copilots": ["copilots"],
    "copilots show": ["copilots", "show", "lease"],
    "copilots new": ["copilots", "new", "legal/fresh"],
    "copilots check": ["copilots", "check"],
    "copilots import": ["copilots", "import", "FOLDER", "--as", "legal/lease"],
    "copilots restore": ["copilots", "restore", "lease"],
    "pair list": ["pair", "list"],
    "pair revoke": ["pair", "revoke", PAIRED],
    "doctor": ["doctor"],
}


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Cli(tmp_path, monkeypatch, capsys)
    base = made.settings.bases_dir / "other"
    base.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json"):
        (base / name).write_text("{}")
    made.settings.config_dir.mkdir()
    keys = {"version": 1, "keys": {PAIRED: "ab" * 32}}
    (made.settings.config_dir / "pairing.json").write_text(json.dumps(keys))
    (tmp_path / "folder").mkdir()
    return made


def run(cli: Cli, name: str) -> tuple[int, str, str]:
    folder = str(cli.page.parent / "folder")
    return cli(*({"PAGE": str(cli.page), "FOLDER": folder}.get(word, word) for word in COMMANDS[name]))


def is_harmless(printed: str) -> bool:
    return all(unicodedata.category(char) not in ("Cc", "Cf") for char in printed if char not in "\n\t")


@pytest.mark.parametrize("name", COMMANDS)
def test_no_untrusted_text_acts_on_the_terminal(cli: Cli, name: str, tmp_path: Path) -> None:
    cli.engine.script = f'{EVIL} The term is "two years" [2].'
    text = (
        f'name = "{TOML_EVIL}N"\npromise = "{TOML_EVIL}P"\ninstructions = "{TOML_EVIL}I"\nstarters = ["{TOML_EVIL}"]\n'
    )
    write_copilot(cli.settings.adapters_dir, text=text)
    write_copilot(cli.settings.adapters_dir, "legal/refused", text=f'name = "{EVIL.replace(chr(27), "")}\n')
    cli.page.write_text(f"# {EVIL}Lease\n\nLease {EVIL}\n\nThe term is two years.")
    note = {"kind": "file", "origin": EVIL, "licence": EVIL}
    (cli.settings.bases_dir / "other" / "source.json").write_text(json.dumps(note))
    (cli.settings.config_dir / "pairing.json").write_text(
        json.dumps({"version": 1, "keys": {PAIRED: "ab" * 32, EVIL: "cd" * 32}})
    )

    status, out, err = run(cli, name)

    assert is_harmless(out)
    assert is_harmless(err)
    assert status in (0, 1, 2)
    if name in ("copilots show", "ask", "bases", "pair list"):
        assert "[red]R[/red]" in out  # shown as it was written


def test_an_error_that_quotes_a_hostile_name_is_harmless(cli: Cli) -> None:
    for words in (["ask", EVIL, "--page", str(cli.page), "q"], ["copilots", "show", EVIL], ["bases", "use", EVIL],
                  ["pair", "revoke", EVIL], ["ask", "lease", "--page", EVIL, "q"]):  # fmt: skip
        status, out, err = cli(*words)

        assert status in (1, 2)
        assert is_harmless(out + err)
        assert err.count("\n") == 1


# What fails, and how: every write of a file, by the number that the system gives.
def disk_full(monkeypatch: pytest.MonkeyPatch) -> None:
    _no_write(monkeypatch, errno.ENOSPC)


def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    _no_write(monkeypatch, errno.EROFS)


def _no_write(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    real = {name: getattr(os, name) for name in ("open", "mkdir", "replace", "rename", "unlink", "rmdir", "link")}

    def refuse(name: str) -> Callable[..., object]:
        def call(path: object, *rest: object, **words: object) -> object:
            reads = name == "open" and not (int(rest[0]) if rest else 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)  # type: ignore[call-overload]
            cleans = name in ("unlink", "rmdir") and number == errno.ENOSPC
            if reads or cleans or (name == "open" and str(path) == os.devnull):
                return real[name](path, *rest, **words)
            raise OSError(number, os.strerror(number), str(path))

        return call

    import builtins
    import io

    opened = io.open

    def open_file(path: object, mode: str = "r", *rest: object, **words: object) -> object:
        if any(letter in mode for letter in "wxa+"):
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, mode, *rest, **words)  # type: ignore[call-overload]

    for name in real:
        monkeypatch.setattr(os, name, refuse(name))
    monkeypatch.setattr(builtins, "open", open_file)
    monkeypatch.setattr(io, "open", open_file)


FAULTS = {"disk full": disk_full, "read-only": read_only}


def everything(root: Path) -> dict[str, bytes]:
    found = (file for part in ("adapters", "user", "config") for file in (root / part).rglob("*"))
    return {str(file): file.read_bytes() for file in found if file.is_file() and not file.name.endswith(".lock")}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_fails_is_one_sentence_and_nothing_is_lost(
    cli: Cli, name: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(tmp_path)

    with monkeypatch.context() as patched:
        FAULTS[fault](patched)
        status, _, err = run(cli, name)

    assert status in (0, 1, 2)
    assert err.count("\n") <= 1
    assert not err or err.startswith("retinue: ")
    assert "Traceback" not in err
    assert everything(tmp_path) == before


DAMAGED = {
    "settings.toml": b"\xff\xfe base", "pairing.json": b"\x00half", "copilot.toml": b"name = \"\xff\"",
    "category.toml": b"\xff", "source.json": b"\xff{",
}  # fmt: skip


@pytest.mark.parametrize("file", DAMAGED)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_damaged_file_is_one_sentence_and_stays(cli: Cli, name: str, file: str) -> None:
    place = {
        "copilot.toml": cli.settings.adapters_dir / "legal" / "lease", "source.json": cli.settings.bases_dir / "other",
        "category.toml": cli.settings.adapters_dir / "legal",
    }.get(file, cli.settings.config_dir) / file  # fmt: skip
    place.write_bytes(DAMAGED[file])

    status, _, err = run(cli, name)

    assert status in (0, 1, 2)
    assert err.count("\n") <= 1
    assert not err or err.startswith("retinue: ")
    if name != "bases remove" or file != "source.json":
        assert place.read_bytes() == DAMAGED[file]


def test_a_full_output_is_one_sentence(cli: Cli) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    code = "import sys; sys.argv = ['retinue', 'copilots']; from server.cli.main import main; main()"
    command = f'{sys.executable} -c "{code}" > /dev/full'
    import subprocess

    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)  # noqa: S603

    assert (done.returncode, done.stderr) == (1, "retinue: disk_full: The output: the disk is full. Make room and run "
                                                 "the same command again.\n")  # fmt: skip


def test_the_commands_of_training_print_plainly(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    from typer.testing import CliRunner

    done = CliRunner().invoke(training, ["check", EVIL])

    assert done.exit_code == 1
    assert is_harmless(done.output)
