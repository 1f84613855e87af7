"""Look-ups: made from a page alone, rehearsed while an adapter trains, counted in its report."""

from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerBase

from server.engine.quoting import Vocabulary
from server.grounding import quotations
from server.page import Page
from server.prompt import PromptLayout
from tests.training.conftest import NORMS, RECIPE
from training.adapter import load_base
from training.examples import Examples
from training.finding import compared, evidence, look_up, look_up_rows, rehearsal_rows
from training.fit import Fit, held_out_nll, mean_nll, new_adapter
from training.prefix import PrefixCache
from training.render import Rendered

CONTEXT = 512
ANSWERS = ['Evidence: weak. So it says. "The lamp is made" [1] Ask.', "The page does not say.", '"oak" [1]']


@pytest.fixture(scope="module")
def pages(data: Path) -> dict[str, Page]:
    return Examples("shop/review", data=data).pages["train"]


@pytest.fixture(scope="module")
def rehearsed(pages: dict[str, Page], layout: PromptLayout) -> list[Rendered]:
    return rehearsal_rows(pages, ANSWERS, layout, norms=NORMS, context=CONTEXT)


def test_a_look_up_is_answered_by_a_sentence_of_its_page(pages: dict[str, Page], layout: PromptLayout) -> None:
    rows = look_up_rows(pages, layout, norms=NORMS, context=CONTEXT)
    assert {row.example.page for row in rows} == set(pages)
    assert len({row.example.question for row in rows}) > 5
    for row in rows:
        [quote] = quotations(row.example.answer, row.page)
        assert quote.verified and row.example.answer == f'"{quote.text}" [{quote.block}]'
        assert list(row.suffix[: row.answer_at]) == layout.ask(row.example.question, norms=NORMS)
    assert rows == look_up_rows(pages, layout, norms=NORMS, context=CONTEXT)


def test_rehearsal_supervises_the_quotation_alone(
    rehearsed: list[Rendered], tokenizer: PreTrainedTokenizerBase
) -> None:
    openings = set()
    for row in rehearsed:
        [quote] = quotations(row.example.answer, row.page)
        supervised = tokenizer.decode(list(row.suffix[row.answer_at :]))
        assert supervised.strip() == f'"{quote.text}" [{quote.block}]'
        before = tokenizer.decode(list(row.suffix[: row.answer_at]))
        openings.add(before.endswith("So it says. ") or before.endswith("So it says."))
    assert openings == {True, False}  # that of the first answer, and the third's, which is empty


def test_training_with_rehearsal_learns_to_look_up(
    base: Path, layout: PromptLayout, rows: list[Rendered], rehearsed: list[Rendered], tmp_path: Path
) -> None:
    losses = []
    for share in (0.0, 2.0):
        recipe = RECIPE.model_copy(update={"rehearsal": share, "epochs": 4, "patience": 9})
        model = new_adapter(load_base(base, dtype="float32"), recipe, user_header=layout.user_header)
        fit = Fit(model, recipe, train=rows, heldout=rows, rehearsal=rehearsed, file=tmp_path / f"{share}", key="x")
        fit.run()
        losses.append(mean_nll(held_out_nll(model, fit.prefixes, rehearsed)))
        assert fit.progress.best < fit.progress.epochs[0]["heldout_loss"]
    assert losses[1] < losses[0] - 0.1


def test_the_right_block_is_the_first_that_an_answer_names(rows: list[Rendered]) -> None:
    found = evidence(rows, ["[1]", "so [9] [2]", "", "[1] [7]", "[2]", "[1]", "none"])
    np.testing.assert_array_equal(found, [1, 0, np.nan, 1, 1, np.nan, 0])


def test_shares_are_compared_over_the_rows_that_count() -> None:
    before, after = np.array([1.0, 0, np.nan, 0]), np.array([1.0, 1, np.nan, 0])
    found = compared(before, after, ["a", "a", "b", "b"])
    assert {name: found[name] for name in ("examples", "before", "after")} == {
        "examples": 3,
        "before": pytest.approx(1 / 3, abs=1e-4),
        "after": pytest.approx(2 / 3, abs=1e-4),
    }
    assert found["ci95"][0] <= found["change"] <= found["ci95"][1]


def test_an_adapter_that_does_nothing_keeps_what_the_base_finds(
    base: Path, pages: dict[str, Page], layout: PromptLayout, tokenizer: PreTrainedTokenizerBase
) -> None:
    model = new_adapter(load_base(base, dtype="float32"), RECIPE, user_header=layout.user_header)
    rows = look_up_rows(pages, layout, norms=NORMS, context=CONTEXT)[:4]
    found = look_up(model, tokenizer, PrefixCache(model), rows, vocabulary=Vocabulary.load(base))
    assert found["examples"] == 4
    assert found["change"] == 0
