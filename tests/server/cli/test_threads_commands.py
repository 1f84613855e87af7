"""`retinue threads`, as a person types it: what pages and models said never reaches the terminal raw."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli.threads import threads_app
from server.errors import ThreadError
from tests.server.conversation.threads.history import bytes_of, database, new_turn, open_store

HOSTILE = "a\x1b[31mb\x07 \u202egnp.exe\u2066 c\x9bd"


@pytest.fixture(autouse=True)
def _kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETINUE_USER_DIR", str(tmp_path / "user"))
    monkeypatch.setenv("RETINUE_CONFIG_DIR", str(tmp_path / "config"))
    store = open_store(tmp_path)
    store.append(new_turn("t1"))
    store.append(new_turn("t2", title=HOSTILE, question=HOSTILE, answer=HOSTILE))
    store.close()


def run(*arguments: str, words: str = "") -> str:
    result = CliRunner().invoke(threads_app, list(arguments), input=words)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_the_conversations_are_listed_shown_and_found() -> None:
    assert "t1" in run() and "Lease" in run("list")
    shown = run("show", "t1")
    assert "> How long?" in shown and 'It runs for "two years" [2].' in shown and "“two years” [2]" in shown
    found = run("search", "run", "years")
    assert "t1" in found and "t2" not in found


@pytest.mark.parametrize(
    "command", [["list"], ["show", "t2"], ["search", "exe"], ["export", "t2"], ["delete", "t2", "--yes"]]
)
def test_no_control_or_bidi_character_reaches_the_terminal(command: list[str]) -> None:
    printed = run(*command)

    assert all(char.isprintable() or char == "\n" for char in printed), ascii(printed)


def test_a_file_is_written_once_and_never_over_another(tmp_path: Path) -> None:
    file = tmp_path / "lease.json"
    run("export", "t1", "--format", "json", "--out", str(file))

    assert json.loads(file.read_text())["turns"][0]["question"] == "How long?"
    with pytest.raises(ThreadError) as refusal:
        run("export", "t1", "--out", str(file))
    assert refusal.value.code == "threads_export"


def test_nothing_is_deleted_unasked_and_what_is_deleted_is_gone(tmp_path: Path) -> None:
    for arguments, code in ((["t1"], "thread_consent"), ([], "thread_unnamed"), (["t1", "--all"], "thread_unnamed")):
        with pytest.raises(ThreadError) as refusal:
            run("delete", *arguments)
        assert refusal.value.code == code

    run("delete", "t1", "--yes")
    assert b"How long" not in bytes_of(tmp_path)
    run("delete", "--all", "--yes")
    assert run("list") == run() == "No conversation is kept.\n"


def test_a_damaged_file_is_put_aside_and_said(tmp_path: Path) -> None:
    database(tmp_path).write_bytes(b"garbage" * 999)

    assert "put aside" in run("list")
    with pytest.raises(ThreadError) as refusal:
        run("show", "t1")
    assert refusal.value.code == "thread_unknown"
