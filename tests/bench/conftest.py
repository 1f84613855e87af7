"""One tiny random base with random copilots, made once."""

from pathlib import Path

import pytest

from bench import models
from bench.cases import Cases
from server.settings import Settings, load_settings
from tests import tiny

SHAPE = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
    "intermediate_size": 48, "vocab_size": 1_400,
}  # fmt: skip


@pytest.fixture(scope="package")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(user_dir=tmp_path_factory.mktemp("bench"), threads=1)


@pytest.fixture(scope="package")
def base(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("tokenizer")
    tiny.tokenizer().save_pretrained(source)
    return models.random_base(settings.user_dir, source, shape=SHAPE, name="tiny")


@pytest.fixture(scope="package")
def cases(base: Path, settings: Settings) -> Cases:
    header = models.load_layout(base).user_header
    return Cases(base, settings, models.random_copilots(settings.user_dir, base, invocation=header, count=8, rank=2))


@pytest.fixture(scope="package")
def folders(cases: Cases, base: Path, settings: Settings) -> list[Path]:
    return [models.adapter_folder(copilot, base, settings) for copilot in cases.copilots]
