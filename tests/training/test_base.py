"""Rows of the base model's pretraining: quotes of made turns stand on the page."""

from server.grounding import quotations
from server.prompt import PromptLayout
from training.base.corpus import Document, Question, split_blocks
from training.base.rows import ANSWER, PAGE, collect, render
from training.base.tasks import TaskMaker

TEXT = (
    "# Kettles\n\nThe kettle was patented in London. It boils a litre in three minutes, and the steel body keeps warm "
    "for an hour.\n\n## Care\n\nDescale the heating element every month with vinegar or citric acid. Never immerse the "
    "electric base in water, because the contacts corrode.\n\nThe warranty covers the thermostat for two years."
)


def document() -> Document:
    title, blocks = split_blocks(TEXT)
    return Document("test", title, blocks, [Question("quote", "How long is the warranty?", "two years")])


def test_every_quote_of_a_made_turn_stands_in_the_block_that_it_cites() -> None:
    maker = TaskMaker(3)
    page = maker.page(document(), chars=2_000)
    assert page is not None
    turns = maker.turns(page, document().questions, synthetic=80)
    quotes = [quote for turn in turns for quote in quotations(turn.answer, page)]
    assert len(quotes) > 40
    assert all(quote.verified and quote.cited == quote.block for quote in quotes)


def test_the_same_seed_makes_the_same_turns() -> None:
    made = []
    for _ in range(2):
        maker = TaskMaker(5)
        page = maker.page(document(), chars=2_000)
        assert page is not None
        made.append(maker.turns(page, [], synthetic=20))
    assert made[0] == made[1]


def test_a_row_marks_page_and_answer_tokens(layout: PromptLayout) -> None:
    maker = TaskMaker(3)
    page = maker.page(document(), chars=2_000)
    assert page is not None
    turns = maker.turns(page, [], synthetic=2)
    row = render(layout, page, turns, context=1024)
    assert row is not None
    assert len(row.ids) == len(row.kinds)
    answers = [token for token, kind in zip(row.ids, row.kinds, strict=True) if kind == ANSWER]
    wanted = [token for turn in turns for token in (*layout.text(turn.answer), layout.stop_id)]
    assert answers == wanted
    spans = layout.page(page, tokens_max=960).spans
    assert row.kinds.count(PAGE) == sum(end - start for start, end in spans.values())
    assert collect(iter([row, row])).lengths.tolist() == [len(row.ids)] * 2
