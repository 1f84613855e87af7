"""What an adapter does to questions outside its subject: measured, and held back by replay."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from torch import Tensor

from server.copilots import Copilot
from server.prompt import PromptLayout
from tests.training.conftest import NORMS, RECIPE
from training.adapter import load_base
from training.examples import DATA, Examples
from training.fit import Fit, held_out_nll, new_adapter, trainable
from training.forgetting import digest, general_folder, general_rows, losses, replay_rows, rows_of_others
from training.prefix import Batch, PrefixCache, adapter_off, answer_logits, collate, drift
from training.render import Rendered

CONTEXT = 512


@pytest.fixture
def model(base: Path, layout: PromptLayout) -> PeftModel:
    """A fresh adapter, which changes nothing yet."""
    return new_adapter(load_base(base, dtype="float32"), RECIPE, user_header=layout.user_header)


def base_logits(model: PeftModel, batch: Batch) -> Tensor:
    with torch.no_grad(), adapter_off(model, off=True):
        return answer_logits(model, batch)


def spoil(model: PeftModel) -> None:
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in trainable(model).values():
            weight.normal_(std=0.05)


@pytest.fixture(scope="module")
def replayed(layout: PromptLayout, data: Path) -> list[Rendered]:
    examples = Examples("shop/review", data=data)
    pairs = [(row, examples.pages["train"][row.page]) for row in examples.rows["train"]]
    return replay_rows(pairs, layout, context=CONTEXT)


def test_the_general_set_that_ships_is_sound(layout: PromptLayout) -> None:
    rows = general_rows(DATA / "general", layout, context=CONTEXT)
    assert len(rows) == 40
    assert len({row.example.page for row in rows}) == 10
    assert sum(row.example.kind == "abstain" for row in rows) == 8
    assert all('"' in row.example.answer for row in rows if row.example.kind == "answer")


def test_it_is_asked_without_norms_and_other_copilots_with_theirs(layout: PromptLayout, data: Path) -> None:
    [first, _] = general_rows(general_folder(data), layout, context=CONTEXT)
    assert list(first.suffix[: first.answer_at]) == layout.ask("When does it leave?", norms="")
    others = rows_of_others([Copilot("shop/review", "", "shop", "", norms=NORMS)], data, layout, context=CONTEXT)
    assert [len(rows) for rows in others.values()] == [3]
    assert list(others["shop/review"][0].suffix[: others["shop/review"][0].answer_at]) == layout.ask(
        "What does it carry?", norms=NORMS
    )
    assert general_folder(data / "nowhere") == DATA / "general"
    assert digest(general_folder(data)) != digest(DATA / "general")


def test_an_adapter_that_does_nothing_forgets_nothing_and_a_spoiled_one_does(
    model: PeftModel, layout: PromptLayout, data: Path, rows: list[Rendered]
) -> None:
    general = general_rows(general_folder(data), layout, context=CONTEXT)
    prefixes = PrefixCache(model)
    calm = losses(model, prefixes, general, {"shop/review": rows})
    assert calm["general"]["before"] == calm["general"]["after"]
    assert calm["others"]["shop/review"]["rise_share"] == 0
    spoil(model)
    found = losses(model, prefixes, general, {})["general"]
    expected = [held_out_nll(model, PrefixCache(model), general, off=off) for off in (True, False)]
    for name, nll in zip(("before", "after"), expected, strict=True):
        assert found[name] == pytest.approx(nll[:, 0].sum() / nll[:, 1].sum(), abs=1e-4)
    assert abs(found["rise_share"]) > 1e-3


def test_replay_rows_ask_without_norms_for_the_plain_answer_and_the_copilots_own(
    replayed: list[Rendered], layout: PromptLayout, data: Path
) -> None:
    own = {row.question: row.answer for row in Examples("shop/review", data=data).rows["train"]}
    answers: dict[str, list[str]] = {}
    for row in replayed:
        answers.setdefault(row.example.question, []).append(row.example.answer)
    plain = [found[0] for found in answers.values()]
    assert plain[:2] == ['"The kettle holds 1.7 litres." [1]', '"Returns are free for 30 days" [2]']
    assert plain[2] == "The page does not say."
    assert all(found == list(dict.fromkeys([found[0], own[question]])) for question, found in answers.items())
    row = replayed[0]
    assert list(row.suffix[: row.answer_at]) == layout.ask(row.example.question, norms="")


def test_drift_is_zero_for_the_base_and_grows_with_the_adapter(model: PeftModel, replayed: list[Rendered]) -> None:
    batch = collate(replayed, PrefixCache(model))
    plain = base_logits(model, batch)
    assert float(drift(model, batch, plain).detach()) == pytest.approx(0, abs=1e-6)
    spoil(model)
    found = drift(model, batch, plain)
    found.backward()  # type: ignore[no-untyped-call]
    assert float(found.detach()) > 1e-3
    assert all(weight.grad is not None for weight in trainable(model).values())


def test_training_with_replay_drifts_less(
    base: Path, layout: PromptLayout, rows: list[Rendered], replayed: list[Rendered], tmp_path: Path
) -> None:
    drifts = []
    for share in (0.0, 2.0):
        recipe = RECIPE.model_copy(update={"replay": share, "epochs": 4, "patience": 9})
        fresh = new_adapter(load_base(base, dtype="float32"), recipe, user_header=layout.user_header)
        fit = Fit(fresh, recipe, train=rows, heldout=rows, replay=replayed, file=tmp_path / f"{share}", key="x")
        fit.run()
        with torch.no_grad():
            batch = collate(replayed, fit.prefixes)
            drifts.append(float(drift(fresh, batch, base_logits(fresh, batch))))
        assert fit.progress.best < fit.progress.epochs[0]["heldout_loss"]
    assert drifts[1] < drifts[0]
    assert np.isfinite(drifts).all()


def test_a_whole_set_of_others_stays_within_its_number_of_rows(layout: PromptLayout, data: Path) -> None:
    one = Copilot("shop/review", "", "shop", "", norms=NORMS)
    many = rows_of_others([replace(one)] * 160, data, layout, context=CONTEXT)
    assert [len(rows) for rows in many.values()] == [1]
