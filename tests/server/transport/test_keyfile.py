"""The file of paired origins."""

import json
import os
import stat
from pathlib import Path

import pytest

from server.errors import RetinueError
from server.files import replace_file
from server.transport.keyfile import CLI_ORIGIN, KeyFile


def test_only_this_user_can_read_the_keys(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "retinue")
    keys.store("o", b"k" * 32)

    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.path.parent.stat().st_mode) == 0o700


def test_the_cli_key_is_made_once(tmp_path: Path) -> None:
    first = KeyFile(tmp_path).ensure_cli_key()

    assert len(first) == 32
    assert KeyFile(tmp_path).ensure_cli_key() == first
    assert KeyFile(tmp_path).origins() == [CLI_ORIGIN]


def test_a_key_that_another_process_revoked_is_gone_at_once(tmp_path: Path) -> None:
    server, cli = KeyFile(tmp_path), KeyFile(tmp_path)
    server.store("o", b"k" * 32)
    assert server.key("o") == b"k" * 32

    assert [one.origin for one in cli.revoke("o")] == ["o"]
    assert server.key("o") is None
    assert cli.revoke("o") == []


def test_the_file_of_an_earlier_version_is_read_and_renewed(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path)
    keys.path.write_text(json.dumps({"version": 1, "keys": {"o": "6b" * 32}}))

    assert keys.key("o", "any-profile") == b"k" * 32
    keys.store("o", b"n" * 32, client="profile")
    assert (keys.key("o", "profile"), keys.key("o")) == (b"n" * 32, b"k" * 32)
    assert json.loads(keys.path.read_text())["version"] == 2


def test_a_profile_is_revoked_by_its_id_and_all_of_an_origin_together(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path)
    one, two = (keys.store("o", bytes([at]) * 32, client=str(at)) for at in range(2))
    other = keys.store("p", b"k" * 32)

    assert keys.revoke(one.id) == [one]
    assert not keys.holds(one) and keys.holds(two)
    assert keys.revoke("o") == [two]
    assert keys.pairings() == [other]


def test_a_pairing_that_was_made_anew_is_not_the_one_that_it_was(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path)
    first = keys.store("o", b"1" * 32)
    keys.store("o", b"2" * 32)

    assert not keys.holds(first)


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_closed_to_them_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    keys = KeyFile(tmp_path)
    keys.store("o", b"k" * 32)
    keys.path.chmod(mode)

    assert KeyFile(tmp_path).key("o") == b"k" * 32
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert "readable by other users" in caplog.text
    assert (b"k" * 32).hex() not in caplog.text


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"keys": {"o": "zz"}}', '{"keys": {"o": "00"}}', '{"keys": 1}', "{}"]
)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, content: str) -> None:
    keys = KeyFile(tmp_path)
    keys.path.write_text(content)

    with pytest.raises(RetinueError) as refusal:
        keys.key("o")
    assert refusal.value.code == "pairing_file_unreadable"


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f"
    replace_file(file, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["f"]


def test_a_key_has_32_bytes(tmp_path: Path) -> None:
    for size in (31, 33):
        with pytest.raises(ValueError, match="32"):
            KeyFile(tmp_path).store("o", b"k" * size)
