"""What an adapter does to questions outside its subject."""

import shutil
from pathlib import Path

import pytest
import torch
from peft import PeftModel

from server.catalog.copilots import Copilot
from server.settings import load_settings
from server.text.prompt import PromptLayout
from tests.training.conftest import INSTRUCTIONS, RECIPE
from training.dataset.render import Rendered, Renderer
from training.fit.adapter import load_base
from training.fit.loop import held_out_nll, new_adapter, trainable
from training.fit.prefix import PrefixCache
from training.measure import probes as forgetting
from training.measure.probes import (
    compared,
    digest,
    general_rows,
    losses,
    replayed,
    rows_of_others,
    some_others,
)

CONTEXT = 512
ADAPTERS_DIR = load_settings().adapters_dir


@pytest.fixture
def model(base: Path, layout: PromptLayout) -> PeftModel:
    """A fresh adapter, which changes nothing yet."""
    return new_adapter(load_base(base, dtype="float32"), RECIPE, user_header=layout.user_header)


def spoil(model: PeftModel) -> None:
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in trainable(model).values():
            weight.normal_(std=0.5)


def test_the_general_set_that_ships_is_sound(layout: PromptLayout) -> None:
    rows = general_rows(ADAPTERS_DIR / "general", Renderer(layout, instructions="", context=32_768))
    assert len(rows) >= 40
    assert len({row.example.page for row in rows}) >= 10
    assert 0.05 < sum(row.example.kind == "abstain" for row in rows) / len(rows) < 0.5


def test_it_is_asked_without_instructions_and_other_copilots_with_theirs(layout: PromptLayout, data: Path) -> None:
    general = general_rows(data / "general", Renderer(layout, instructions="", context=CONTEXT))
    first = next(row for row in general if row.example.kind == "answer")
    assert list(first.suffix[: first.answer_at]) == layout.ask("When does it leave?", instructions="")
    others = rows_of_others(
        [Copilot("shop/review", "", "shop", "", instructions=INSTRUCTIONS)], data, layout, context=CONTEXT
    )
    assert [len(rows) for rows in others.values()] == [3]
    assert list(others["shop/review"][0].suffix[: others["shop/review"][0].answer_at]) == layout.ask(
        "What does it carry?", instructions=INSTRUCTIONS
    )
    assert digest(data / "general") != digest(ADAPTERS_DIR / "general")


def test_an_adapter_that_does_nothing_forgets_nothing_and_a_spoiled_one_does(
    model: PeftModel, layout: PromptLayout, data: Path, rows: list[Rendered]
) -> None:
    general = general_rows(data / "general", Renderer(layout, instructions="", context=CONTEXT))
    prefixes, sets = PrefixCache(model), {"general": general, "shop/review": rows}
    before = losses(model, prefixes, sets)
    calm = compared(before, losses(model, prefixes, sets), sets)
    assert calm["general"]["before"] == calm["general"]["after"]
    assert calm["others"]["shop/review"]["rise_share"] == 0
    spoil(model)
    found = compared(before, losses(model, prefixes, sets), sets)["general"]
    expected = [held_out_nll(model, PrefixCache(model), general, off=off) for off in (True, False)]
    for name, nll in zip(("before", "after"), expected, strict=True):
        assert found[name] == pytest.approx(nll[:, 0].sum() / nll[:, 1].sum(), abs=1e-4)
    assert abs(found["rise_share"]) > 1e-3


def test_a_job_looks_at_three_others_which_differ_from_copilot_to_copilot() -> None:
    known = [f"shop/c{n}" for n in range(40)]
    found = {own: some_others(known, own) for own in known}
    assert all(len(others) == 3 and own not in others for own, others in found.items())
    assert len({other for others in found.values() for other in others}) > 25
    assert some_others(reversed(known), "shop/c7") == found["shop/c7"]
    assert some_others(["shop/c1", "shop/c2"], "shop/c1") == ["shop/c2"]


def test_of_another_copilot_only_so_many_rows_are_read(
    layout: PromptLayout, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "OTHER_ROWS_MAX", 2)
    asked = rows_of_others(
        [Copilot("shop/review", "", "shop", "", instructions=INSTRUCTIONS)], data, layout, context=CONTEXT
    )
    assert [row.example.question for row in asked["shop/review"]] == ["What does it carry?", "What is the seat?"]


def test_general_examples_are_replayed_the_same_ones_each_time_and_none_where_there_are_none(
    layout: PromptLayout, data: Path, tmp_path: Path
) -> None:
    plain = Renderer(layout, instructions="", context=CONTEXT)
    shutil.copytree(data, tmp_path / "data")
    folder = tmp_path / "data" / "general"

    assert replayed(folder, plain, count=2) == []
    shutil.copytree(folder / "pages" / "heldout", folder / "pages" / "train")
    shutil.copy(folder / "heldout.jsonl", folder / "train.jsonl")
    assert replayed(folder, plain, count=0) == []
    first = [row.example.question for row in replayed(folder, plain, count=1)]
    assert first == [row.example.question for row in replayed(folder, plain, count=2)][:1]
    assert len(replayed(folder, plain, count=5)) == 2
