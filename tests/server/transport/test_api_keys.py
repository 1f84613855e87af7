"""Keys of the HTTP API: shown once, kept as hashes, revoked at once."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli.main import app
from server.errors import RetinueError
from server.transport.api.keys import KEYS_MAX, ApiKeys


def test_only_the_hash_of_a_key_is_kept_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    keys = ApiKeys(tmp_path)
    secret = keys.create("laptop")

    assert secret not in keys.path.read_text()
    assert len(secret) > 40
    assert os.name != "posix" or keys.path.stat().st_mode & 0o777 == 0o600
    found = keys.find(secret)
    assert found is not None and found.name == "laptop"
    assert keys.find(secret[:-1]) is None
    assert keys.find("") is None


def test_a_key_says_when_it_was_last_used(tmp_path: Path) -> None:
    keys = ApiKeys(tmp_path)
    secret = keys.create("laptop")
    assert keys.last_used() == {}

    keys.find(secret)
    noted = tmp_path / "api_keys_used.json"
    written = noted.stat().st_mtime_ns
    keys.find(secret)

    assert ApiKeys(tmp_path).last_used() == {"laptop": keys.all()[0].created}
    assert noted.stat().st_mtime_ns == written, "once a day is enough"


def test_a_use_that_is_noted_never_brings_a_revoked_key_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, terminal = ApiKeys(tmp_path), ApiKeys(tmp_path)
    first, second = server.create("first"), server.create("second")
    note = server._note_use
    monkeypatch.setattr(server, "_note_use", lambda name: (terminal.revoke("second"), note(name)))

    assert server.find(first) is not None

    assert server.find(second) is None
    assert [key.name for key in ApiKeys(tmp_path).all()] == ["first"]


def test_another_process_sees_a_new_and_a_revoked_key_at_once(tmp_path: Path) -> None:
    server, terminal = ApiKeys(tmp_path), ApiKeys(tmp_path)
    assert server.all() == ()
    secret = terminal.create("laptop")
    assert server.find(secret) is not None
    assert terminal.revoke("laptop")
    assert server.find(secret) is None
    assert not terminal.revoke("laptop")


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "\x1b[31m", "../up"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RetinueError) as refused:
        ApiKeys(tmp_path).create(name)

    assert refused.value.code == "key_invalid"
    assert not ApiKeys(tmp_path).all()


def test_there_are_so_many_keys_and_no_more(tmp_path: Path) -> None:
    keys = ApiKeys(tmp_path)
    for number in range(KEYS_MAX):
        keys.create(f"key-{number}")
    with pytest.raises(RetinueError, match=f"at most {KEYS_MAX} keys"):
        keys.create("one-more")
    with pytest.raises(RetinueError, match="key-0 already"):
        keys.create("key-0")

    assert len(keys.all()) == KEYS_MAX


@pytest.mark.parametrize("content", ["{", '{"version": 2}', '{"keys": [{"name": "x"}]}', "\udcff", " " * 300_000])
def test_a_damaged_file_is_said_and_no_key_is_taken_for_valid(tmp_path: Path, content: str) -> None:
    keys = ApiKeys(tmp_path)
    secret = keys.create("laptop")
    keys.path.write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(RetinueError) as refused:
        keys.find(secret)
    assert refused.value.code == "keys_unreadable"


def test_the_command_makes_lists_and_revokes_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETINUE_CONFIG_DIR", str(tmp_path))
    run = CliRunner()
    none = run.invoke(app, ["keys", "list"])
    made = run.invoke(app, ["keys", "create", "laptop", "--copilot", "legal"])
    listed = run.invoke(app, ["keys", "list"])
    gone = run.invoke(app, ["keys", "revoke", "laptop"])

    assert "the HTTP API is off" in none.stdout
    assert made.stdout.startswith("retinue-")
    assert json.loads(ApiKeys(tmp_path).path.read_text())["keys"] == []
    assert "laptop" in listed.stdout and "legal" in listed.stdout and "never" in listed.stdout
    assert made.stdout.strip() not in listed.stdout
    assert gone.exit_code == 0
    assert isinstance(run.invoke(app, ["keys", "revoke", "laptop"]).exception, RetinueError)
