"""Pages cut into clauses, and how an answer names the section of a block."""

import random

import pytest

from server.checks import run_checks
from server.page import Page, read_page
from training.base.corpus import Document
from training.base.sections import clauses, is_heading, section_of, unnumbered
from training.base.tasks import Conversation, TaskMaker

BLOCKS = (
    "Payment",
    "The client pays each invoice within thirty days. Late sums bear interest at two percent a month.",
    "Ending the agreement",
    "Either party may end it with sixty days of notice. Fees that were paid are not returned. The keys go back.",
)


def page(*blocks: str) -> Page:
    return read_page(title="", url="", blocks=blocks, chars_max=10_000)


def test_every_sentence_becomes_a_block_under_its_heading() -> None:
    for seed in range(40):
        made = clauses(BLOCKS, random.Random(seed))
        sentences = [unnumbered(block) for block in made if block.endswith(".")]
        assert [text.split()[0] for text in sentences] == ["The", "Late", "Either", "Fees", "The"]
        assert any(block.endswith("Payment") for block in made)
        assert any(block.endswith("Ending the agreement") for block in made)


def test_long_text_without_headings_gets_some() -> None:
    text = " ".join(f"The tenant keeps room {n} clean and dry." for n in range(30))
    made = clauses([text], random.Random(1))
    assert sum(is_heading(block) or block.endswith(("Tenant", "Clean", "clean")) for block in made) >= 4


@pytest.mark.parametrize(
    ("blocks", "number", "named"),
    [
        (("4. Fees", "4.1 The fee is due."), 2, "Section 4.1"),
        (("4. Fees", "The fee is due.", "It is not returned."), 3, "Section 4"),
        (("Article IV. Fees", "The fee is due."), 2, "Article IV"),
        (("§ 7 Fees", "(2) The fee is due."), 2, "§ 7"),
        (("Fees and costs", "The fee is due."), 2, "Under Fees and costs"),
        (("Section 3. Fees", "The fee is due."), 1, "Section 3"),
        (("The fee is due.", "It is not returned."), 2, None),
    ],
)
def test_a_section_is_named_as_the_page_does(blocks: tuple[str, ...], number: int, named: str | None) -> None:
    assert section_of(page(*blocks), number) == named


def test_answers_that_name_a_section_pass_the_copilots_check() -> None:
    maker, checked = TaskMaker(3, clause_share=1.0), 0
    for seed in range(6):
        made = maker.page(Document(f"s{seed}", "", BLOCKS), chars=2_000)
        assert made is not None
        for _, branch in zip(range(200), maker.branches(made, ()), strict=False):
            if isinstance(branch, Conversation) and "section" in branch.norms.lower():
                answer = branch.turns[-1].answer
                if any(label in answer for label in ("] Section", "] Article", "] Clause", "] Rule", "] §", "] Under")):
                    checked += 1
                    assert run_checks(("section_named",), answer, page=made, question="")[0].passed, answer
    assert checked > 50
