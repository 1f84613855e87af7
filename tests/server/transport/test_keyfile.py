"""The file of paired origins."""

import stat
from pathlib import Path

import pytest

from server.errors import RetinueError
from server.transport.keyfile import CLI_ORIGIN, KeyFile, write_atomically


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

    assert cli.revoke("o")
    assert server.key("o") is None
    assert not cli.revoke("o")


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
    write_atomically(file, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["f"]


def test_a_key_has_32_bytes(tmp_path: Path) -> None:
    for size in (31, 33):
        with pytest.raises(ValueError, match="32"):
            KeyFile(tmp_path).store("o", b"k" * size)
