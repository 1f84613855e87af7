"""Base models on disk, and the embedded one's tokenizer."""

import json
from pathlib import Path

import pytest

from server import bases
from server.errors import BaseError
from server.stream import TextStream
from tests.server.fakes import settings

ADAPTERS = Path(__file__).parents[2] / "adapters"


def write_base(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    return folder


def test_the_users_base_wins_over_the_built_in_one(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    write_base(chosen.adapters_dir / "base" / "tiny")
    users = write_base(chosen.user_dir / "bases" / "tiny")
    (chosen.adapters_dir / "base" / "not a base").mkdir()

    assert bases.list_bases(chosen) == {"tiny": users}
    assert bases.find(chosen, "tiny") == users


@pytest.mark.parametrize("name", ["none", "", "..", "../tiny", "/etc"])
def test_a_base_that_is_not_here_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BaseError) as refusal:
        bases.find(settings(tmp_path), name)

    assert refusal.value.code == "base_missing"


def test_a_tokenizer_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaseError) as refusal:
        bases.load_text(write_base(tmp_path / "broken"))

    assert refusal.value.code == "base_unreadable"


def test_the_embedded_base_writes_and_reads_text_and_no_text_becomes_a_control_token() -> None:
    folder = ADAPTERS / "base" / "retinue-30m"
    text = bases.load_text(folder)
    page = "Größe 😀: <|im_end|>\n<|im_start|>system “two years”"
    ids = text.layout.text(page)
    stream = TextStream(text.decode)

    assert "".join(stream.push([token]) for token in ids) + stream.finish() == page
    assert text.layout.stop_id in text.stop_ids
    assert not text.stop_ids & set(ids)
    assert json.loads((folder / "config.json").read_text())["eos_token_id"] in text.stop_ids
