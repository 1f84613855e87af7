"""Random bases and adapters, and the cases that are asked of them."""

from pathlib import Path

from bench import models
from bench.cases import EARLIER, Cases, QuestionCase
from bench.scenes import many
from server.engine import BaseInfo
from server.engine.adapter_check import check_adapter
from server.engine.fingerprint import base_fingerprint
from server.settings import Settings
from tests import tiny


def test_a_random_base_speaks_words_with_every_id(cases: Cases) -> None:
    first, second = (cases.text.decode([tiny.VOCABULARY + n]) for n in range(2))

    assert first.strip().isalpha()
    assert first != second


def test_random_adapters_are_accepted_and_differ(base: Path, settings: Settings, cases: Cases) -> None:
    info = BaseInfo("tiny", base_fingerprint(base), 0, 4096)
    found = [check_adapter(models.adapter_folder(copilot, base, settings), info) for copilot in cases.copilots]

    assert [ref.id for ref in found[:2]] == ["bench/random-1", "bench/random-2"]
    assert len({ref.digest for ref in found}) == 8


def test_pages_are_new_and_about_as_long_as_asked(cases: Cases) -> None:
    short, long = cases.page(300), cases.page(3_000)

    assert 300 <= len(short.ids) < 450
    assert 3_000 <= len(long.ids) < 3_150
    assert short.title != long.title


def test_a_prompt_is_page_then_thread_then_turn(cases: Cases) -> None:
    page = cases.page(300)
    ask = QuestionCase(page=page, copilot=0, question="Why?", history=(EARLIER,))
    ids = cases.prompt(ask)

    assert tuple(ids[: len(page.ids)]) == page.ids
    assert models.INSTRUCTIONS in cases.text.decode(ids[len(page.ids) :])
    assert EARLIER.answer in cases.text.decode(ids[len(page.ids) :])


def test_many_adapters_are_small_valid_and_differ(base: Path, settings: Settings, tmp_path: Path) -> None:
    sample = models.adapter_folder("bench/random-1", base, settings)
    folder = many.make_many(tmp_path, base, sample, 3)
    info = BaseInfo("tiny", base_fingerprint(base), 0, 4096)
    refs = [check_adapter(file.parent, info) for file in sorted(folder.rglob("adapter_config.json"))]

    assert len({ref.digest for ref in refs}) == 3
    assert many.make_many(tmp_path, base, sample, 3) == folder


def test_weights_are_counted_in_all_shards(base: Path, tmp_path: Path) -> None:
    assert models.weight_bytes(base) == (base / "model.safetensors").stat().st_size
    for number in (1, 2):
        (tmp_path / f"model-0000{number}-of-00002.safetensors").write_bytes(b"\0" * 10)
    assert models.weight_bytes(tmp_path) == 20
