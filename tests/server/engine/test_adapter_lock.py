"""lock.json: what is written is what is read, and what came from elsewhere is checked."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from server.engine.adapter_lock import AdapterLock, read_lock, write_lock
from server.errors import CopilotError
from server.files import SMALL_BYTES_MAX

HASH, FINGERPRINT = "ab" * 32, "cd" * 8
LOCK = {"format": 1, "kind": "alora", "base": "tiny", "base_fingerprint": FINGERPRINT, "weights_sha256": HASH}


def test_what_is_written_is_read_with_all_that_a_training_noted(tmp_path: Path) -> None:
    record = LOCK | {"recipe": {"rank": 4}, "data": {"a.md": HASH}, "start_sha256": None, "name": "é"}

    write_lock(tmp_path, AdapterLock.model_validate(record))

    assert json.loads((tmp_path / "lock.json").read_text(encoding="utf-8")) == record
    assert read_lock(tmp_path).model_dump(exclude_unset=True) == record


def test_the_adapters_of_the_repository_have_a_lock_that_is_read() -> None:
    folders = [file.parent for file in Path(__file__).parents[3].glob("adapters/**/lock.json")]

    assert folders
    for folder in folders:
        lock = read_lock(folder)
        assert lock.weights_sha256
        assert lock.base_fingerprint or lock.base_sha256


@pytest.mark.parametrize(
    "changes",
    [
        {"base_fingerprint": "../../etc"},
        {"base_fingerprint": 7},
        {"base_fingerprint": FINGERPRINT + "\n"},
        {"weights_sha256": HASH.upper()},
        {"base_sha256": "short"},
        {"format": 2},
        {"kind": "pickle"},
        {"base": "x" * 201},
        {"imported": "yes"},
    ],
    ids=str,
)
def test_a_field_that_is_not_what_it_should_be_is_named(tmp_path: Path, changes: dict[str, object]) -> None:
    (tmp_path / "lock.json").write_text(json.dumps(LOCK | changes))

    with pytest.raises(CopilotError) as refusal:
        read_lock(tmp_path)

    assert refusal.value.code == "copilot_lock_invalid"
    assert next(iter(changes)) in refusal.value.message


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: None,
        lambda file: file.write_text("[]"),
        lambda file: file.write_bytes(b"\xff\xfe{"),
        lambda file: file.write_text("[" * 60_000),
        lambda file: file.write_text(json.dumps(LOCK) + " " * SMALL_BYTES_MAX),
        lambda file: file.mkdir(),
    ],
    ids=["missing", "a list", "no text", "nested", "too large", "a folder"],
)
def test_a_file_that_is_no_lock_is_refused(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    spoil(tmp_path / "lock.json")

    with pytest.raises(CopilotError) as refusal:
        read_lock(tmp_path)

    assert refusal.value.code == "copilot_lock_invalid"


def test_a_link_to_a_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").write_text(json.dumps(LOCK))
    os.symlink(tmp_path / "real", tmp_path / "lock.json")

    with pytest.raises(CopilotError):
        read_lock(tmp_path)
