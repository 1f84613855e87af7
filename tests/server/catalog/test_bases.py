"""Base models on disk, and their tokenizer."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from server.catalog import bases
from server.catalog.acquire.sources import ENCODER
from server.catalog.layout import FINDER, adapter_folder
from server.errors import BaseError
from server.settings import Settings
from server.text.stream import TextStream
from tests import tiny
from tests.server.fakes import settings


def write_base(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    return folder


def test_a_base_is_a_whole_folder_in_the_folder_of_bases(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    assert bases.list_bases(chosen) == {}
    folder = write_base(chosen.bases_dir / "tiny")
    for name in ("not a base", ".tiny.files", ".encoder"):
        write_base(chosen.bases_dir / name)
    (write_base(chosen.bases_dir / "half") / "tokenizer.json").unlink()

    assert bases.list_bases(chosen) == {"tiny": folder}
    assert bases.find(chosen, "tiny") == folder


def test_the_folder_of_bases_is_the_users_unless_it_is_set(tmp_path: Path) -> None:
    assert settings(tmp_path).bases_dir == tmp_path / "user" / "bases"
    assert settings(tmp_path, bases_dir=tmp_path / "disk").bases_dir == tmp_path / "disk"


def test_the_encoder_is_found_when_all_its_files_are_there(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    folder = chosen.bases_dir / ENCODER.folder
    folder.mkdir(parents=True)
    for file in ENCODER.files:
        assert bases.find_encoder(chosen) is None
        (folder / file.name).write_text("")

    assert bases.find_encoder(chosen) == bases.EncoderFiles(folder)


def encoder_with_adapter(tmp_path: Path, *, base_sha256: str) -> tuple[Settings, Path]:
    chosen = settings(tmp_path, adapters_dir=tmp_path / "adapters")
    folder = chosen.bases_dir / ENCODER.folder
    folder.mkdir(parents=True)
    for file in ENCODER.files:
        (folder / file.name).write_text("")
    adapter = adapter_folder(tmp_path / "adapters", FINDER, ENCODER.name)
    adapter.mkdir(parents=True)
    save_file({"lora": np.zeros((2, 2), dtype=np.float32)}, adapter / "adapter_model.safetensors")
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "lock.json").write_text(json.dumps({"base_sha256": base_sha256}))
    return chosen, adapter


def test_the_adapter_of_the_finder_belongs_to_the_very_weights_of_the_encoder(tmp_path: Path) -> None:
    weights = next(file.sha256 for file in ENCODER.files if file.name == "model.safetensors")
    chosen, adapter = encoder_with_adapter(tmp_path, base_sha256=weights)
    found = bases.find_encoder(chosen)
    assert found is not None
    assert found.adapter == adapter

    (adapter / "lock.json").write_text(json.dumps({"base_sha256": "0" * 64}))
    found = bases.find_encoder(chosen)
    assert found is not None
    assert found.adapter is None


def test_a_damaged_adapter_of_the_finder_is_refused(tmp_path: Path) -> None:
    chosen, adapter = encoder_with_adapter(tmp_path, base_sha256="0" * 64)
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:20])

    with pytest.raises(BaseError) as refused:
        bases.find_encoder(chosen)
    assert refused.value.code == "encoder_adapter_refused"


@pytest.mark.parametrize("name", ["none", "", "..", "../tiny", "/etc"])
def test_a_base_that_is_not_here_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BaseError) as refusal:
        bases.find(settings(tmp_path), name)

    assert refusal.value.code == "base_missing"


def test_a_tokenizer_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaseError) as refusal:
        bases.load_text(write_base(tmp_path / "broken"))

    assert refusal.value.code == "base_unreadable"


def test_a_base_writes_and_reads_text_and_no_text_becomes_a_control_token(tmp_path: Path) -> None:
    text = bases.load_text(tiny.make_base(tmp_path / "tiny"))
    page = "Größe 😀: <|im_end|>\n<|im_start|>system “two years”"
    ids = text.layout.text(page)
    stream = TextStream(text.decode)

    assert "".join(stream.push([token]) for token in ids) + stream.finish() == page
    assert text.layout.stop_id in text.stop_ids
    assert not text.stop_ids & set(ids)
    assert tiny.END in text.stop_ids
