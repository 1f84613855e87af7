"""The general adapter's rows: pages, questions in the product's forms, near misses, and its resumable run."""

import random
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from server.text.checks import ABSTAIN
from server.text.finder import Finder
from server.text.page import read_page
from server.text.prompt import PromptLayout
from server.text.units import units_of
from tests.training.conftest import RECIPE
from training.dataset.examples import Example, Examples, check_quotes
from training.dataset.render import Rendered, Renderer
from training.dataset.search import Search
from training.fit import checkpoint
from training.fit.adapter import load_base
from training.fit.loop import new_adapter, trainable
from training.general.corpus import Document, Question
from training.general.figures import figures, rouge_l
from training.general.fit import GeneralFit, quoted_weights, rate
from training.general.pages import PageMaker
from training.general.requests import Requests
from training.general.rows import Own, Rows
from training.general.tasks import asked

TEXT = (
    "The harbour master is Ida Holm. She took office in March 2019.",
    "A berth costs 210 euros a season. Small boats pay 90 euros.",
    "The pier closes at dusk in winter. In summer it stays open until ten.",
    "Dogs are welcome on the pier if they are kept on a lead all the time.",
)


def document(n: int, *questions: Question, source: str = "harbour") -> Document:
    found = list(questions) or [
        Question("extract", "Who is the harbour master?", "Ida Holm."),
        Question("extract", "What does a berth cost?", "210 euros"),
        Question("define", "What is the pier?", "The pier closes at dusk in winter."),
    ]
    return Document(source, f"Harbour {n}", TEXT, found)


@pytest.fixture
def renderer(layout: PromptLayout) -> Renderer:
    return Renderer(layout, instructions="", context=2_048, search=Search(None))


@pytest.fixture
def made(renderer: Renderer) -> Rows:
    return Rows([document(n) for n in range(8)], [], renderer, Search(None), seed=1)


def test_a_chunk_is_the_same_each_time_and_another_one_differs(made: Rows) -> None:
    first, again, other = ([row.suffix for row in made.chunk(number)] for number in (0, 0, 1))

    assert first == again != other


def test_every_quotation_stands_on_its_page(made: Rows) -> None:
    rows = made.chunk(0)

    assert any(row.example.kind == "answer" for row in rows)
    for row in rows:
        check_quotes(row.example, row.page, "row")


def test_a_near_miss_asks_for_what_was_taken_out(made: Rows) -> None:
    missed = [row for number in range(4) for row in made.chunk(number) if row.example.answer == ABSTAIN]

    assert missed
    for row in missed:
        text = " ".join(block.text for block in row.page.blocks)
        if "harbour master" in row.example.question.lower():
            assert "Ida Holm" not in text


def test_held_out_documents_are_never_trained_on(renderer: Renderer) -> None:
    kept, away = document(1), document(2)
    away.held_out = True
    rows = Rows([kept, away], [], renderer, Search(None), seed=1)

    assert {row.page.title for row in rows.chunk(0)} == {"Harbour 1"}


def test_own_examples_join_with_their_pages(renderer: Renderer, data: Path) -> None:
    examples = Examples("shop/review", data=data)
    own = [Own(example, examples.pages["train"][example.page], renderer) for example in examples.rows["train"]]
    rows = Rows([document(1)], own, renderer, Search(None), seed=1).chunk(0)

    assert {"Kettle", "Lamp"} <= {row.page.title for row in rows}


def test_short_documents_become_a_long_page_with_their_neighbours() -> None:
    documents = [document(n) for n in range(40)]
    sizes = [page[0].chars for n in range(30) if (page := PageMaker(random.Random(n)).around(documents, 20))]

    assert max(sizes) > 3_000
    assert all(size >= 200 for size in sizes)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (Question("extract", "Who runs it?", "Ida Holm."), 'Ida Holm. "The harbour master is Ida Holm." [1]'),
        (Question("quote", "Quote it", '"Small boats pay 90 euros."'), '"Small boats pay 90 euros." [2]'),
        (Question("not-on-page", "Who built it?", "It is not here."), ABSTAIN),
        (
            Question("summarise", "tl;dr", "The pier closes at dusk in winter."),
            "The pier closes at dusk in winter [3].",
        ),
    ],
)
def test_the_corpus_answers_in_the_products_forms(question: Question, answer: str) -> None:
    page = read_page(title="", url="", blocks=TEXT, chars_max=10_000)

    found = asked(question, units_of(page))

    assert found is not None
    assert found.answer == answer


def test_what_nothing_on_the_page_carries_is_dropped() -> None:
    page = read_page(title="", url="", blocks=TEXT, chars_max=10_000)

    assert asked(Question("extract", "Who is the mayor?", "Tomas Berg"), units_of(page)) is None


def test_a_request_for_prices_lists_each_with_its_quotation() -> None:
    page = read_page(title="", url="", blocks=TEXT, chars_max=10_000)

    found = Requests(random.Random(1), None)._prices(Finder(page))

    assert found is not None
    assert found.answer.splitlines() == [
        '- 210 euros: "A berth costs 210 euros a season." [2]',
        '- 90 euros: "Small boats pay 90 euros." [2]',
    ]


def test_quoted_words_weigh_little_and_the_opening_mark_fully(made: Rows, tokenizer: PreTrainedTokenizerBase) -> None:
    row = next(row for row in made.chunk(0) if row.example.answer.startswith("Ida Holm."))
    weights = quoted_weights(tokenizer)(row)

    assert len(weights) == row.answer_tokens
    assert weights[0] == weights[-1] == 1.0
    assert set(weights) == {0.15, 1.0}


def fit(rows: Rows, base: Path, layout: PromptLayout, file: Path, tokenizer: PreTrainedTokenizerBase) -> GeneralFit:
    model = new_adapter(load_base(base, dtype="float32"), RECIPE, user_header=layout.user_header)
    heldout = {"own": rows.chunk(99)[:4]}
    return GeneralFit(
        model, RECIPE, rows, rows_max=60, heldout=heldout, weigh=quoted_weights(tokenizer), file=file,
        key="k", every_rows=1_000,
    )  # fmt: skip


def test_a_killed_run_goes_on_to_the_same_weights(
    base: Path, layout: PromptLayout, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    renderer = Renderer(layout, instructions="", context=512, search=Search(None))
    rows = Rows([document(n) for n in range(3)], [], renderer, Search(None), seed=1)
    whole = fit(rows, base, layout, tmp_path / "whole", tokenizer)
    whole.run()
    broken = fit(rows, base, layout, tmp_path / "broken", tokenizer)
    broken._look()
    broken._chunk()
    checkpoint.save(broken)  # and killed here
    again = fit(rows, base, layout, tmp_path / "broken", tokenizer)
    again.run()

    assert again.progress.rows == whole.progress.rows >= 60
    for name, weight in trainable(whole.model).items():
        torch.testing.assert_close(trainable(again.model)[name], weight)


def test_the_rate_rises_holds_and_falls_to_zero() -> None:
    rates = [rate(rows, 10_000) for rows in (0, 299, 2_000, 6_500, 10_000)]

    assert rates[0] < 0.01
    assert rates[1] == rates[2] == 1.0
    assert rates[3] == pytest.approx(0.5)
    assert rates[4] == 0.0


def judged(rows: Rows, reference: str, answer: str, kind: str = "answer", task: str = "") -> tuple[Rendered, str]:
    row = rows.chunk(0)[0]
    example = Example(page="x", question="?", answer=ABSTAIN if kind == "abstain" else "x", kind=kind,  # type: ignore[arg-type]
                      task=task, reference=reference)  # fmt: skip
    page = read_page(title="", url="", blocks=TEXT, chars_max=10_000)
    return Rendered(example, page, row.prefix, row.suffix, row.answer_at, row.page_tokens), answer


def test_the_figures_count_evidence_answers_and_abstentions(made: Rows) -> None:
    pairs = [
        judged(made, "Ida Holm", 'Ida Holm. "The harbour master is Ida Holm." [1]'),
        judged(made, "210 euros", '210 euros. "Small boats pay 90 euros." [2]'),
        judged(made, "", ABSTAIN, kind="abstain"),
        judged(made, "dusk", ABSTAIN),
    ]
    found = figures([row for row, _ in pairs], [answer for _, answer in pairs])

    assert found["evidence"] == pytest.approx(1 / 3, abs=1e-3)
    assert found["answer"] == pytest.approx(2 / 3, abs=1e-3)
    assert (found["abstention_precision"], found["abstention_recall"]) == (0.5, 1.0)
    assert found["quotes_verbatim"] == 1.0


def test_rouge_l_is_the_share_of_the_common_subsequence() -> None:
    assert rouge_l("the pier closes at dusk", "the pier closes at dusk") == 1.0
    assert rouge_l("the pier", "") == 0.0
    assert rouge_l("the old pier closes", "the pier closes early") == pytest.approx(0.75)
