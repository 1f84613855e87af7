"""Each check with answers that pass it and answers that do not."""

import pytest

from server.text.checks import CHECKS, abstains, run_checks
from server.text.page import read_page

CONTRACT = read_page(
    title="Lease",
    url="",
    blocks=["Lease of 12 May",
            "9.2 Either party may end it with 30 days' notice.", "## B. Price", "§ 5 Rent", "Article IV",
            "Clause 12 Deposit", "(b) The deposit is €1,204.50.", "Fees", "A dog is welcome."],
    chars_max=10_000,
)  # fmt: skip


def passes(name: str, answer: str, question: str = "q") -> bool:
    return run_checks([name], answer, page=CONTRACT, question=question)[0].passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ('It says "with 30 days\' notice" [2].', True),
        ("Nothing quoted.", True),
        ('It says "with 60 days\' notice" [2].', False),
        ('It says "with 30 days\' notice" [1].', False),
        ('It says "with 30 days', False),
    ],
)
def test_quotes_verbatim(answer: str, passed: bool) -> None:
    assert passes("quotes_verbatim", answer) is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [("Yes [2].", True), ("Yes.", False), ("Yes [99].", False), ('"Fees" is said. [8]', False), ('"Fees" [8]', True)],
)
def test_cites_block(answer: str, passed: bool) -> None:
    assert passes("cites_block", answer) is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ('Section 9.2: "Either party may end it" [2]', True),
        ("Section 9.2(a) allows it.", True),
        ("Section B: the price.", True),
        ("§ 5 sets the rent.", True),
        ("Article IV says so.", True),
        ("Clause 12(b) names the deposit.", True),
        ('Under Fees: "Fees" [8]', True),
        ("Under Lease: it is.", True),
        ('"Either party may end it" [2] Section 9.2: either may.', True),
        ('"Either party may end it" [2], Section 9.2.', True),
        ('- "Fees" [8] Under Fees: there are some.', True),
        ('"Fees" [8] Section 9.2: "Either party may end it" [2]', True),
        ("Section 9: it is.", False),
        ("Section 9.3 allows it.", False),
        ("Section A: a dog.", False),
        ("Article V says so.", False),
        ("Under Pets: a dog.", False),
        ("No label.", False),
        ('Section B: "Either party may end it" [2]', False),
        ('"§ 5 Rent" [4]', False),
        ('"Either party may end it" [2] Section B: either may.', False),
        ('"Either party may end it" [2], under Fees: either may.', False),
        ('"Fees" [8] Under Pets: a dog.', False),
        ('"Fees" [8] Clause 12: some.\n"Either party may end it" [2] Clause 12: either may.', False),
    ],
)
def test_section_named(answer: str, passed: bool) -> None:
    assert passes("section_named", answer) is passed


def test_closing_lines() -> None:
    assert passes("not_legal_advice", "Yes.\nNot legal advice.\n")
    assert not passes("not_legal_advice", "Not legal advice.\nYes.")
    assert passes("clinician_named", "So.\nTalk to a clinician before you change anything.")
    assert not passes("clinician_named", "Talk to a clinician.")


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("Evidence: weak. One study.", True),
        ("Evidence: none", True),
        ("Evidence: great.", False),
        ("It is weak.", False),
    ],
)
def test_evidence_graded(answer: str, passed: bool) -> None:
    assert passes("evidence_graded", answer) is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("It may help.", True),
        ("Evidence: weak. It helps.", False),
        ('It helps: "it may help" [1]', False),
        ("One study cannot prove it.", True),
        ("It helps.", False),
    ],
)
def test_hedged(answer: str, passed: bool) -> None:
    assert passes("hedged", answer) is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [("- a\n- b", True), ('- a\nFrom the page: "Fees" [8]', True), ("a\n- b", False), ("", False)],
)
def test_lines_listed(answer: str, passed: bool) -> None:
    assert passes("lines_listed", answer) is passed


@pytest.mark.parametrize(
    ("answer", "question", "passed"),
    [
        ("It costs 1204.5 [7].", "q", True),
        ("It costs €1,204.50.", "q", True),
        ("9.2 and 30 days.", "q", True),
        ("It costs 7 euros.", "q", False),
        ("It costs 7 euros.", "Is it 7?", True),
        ("1. First\n2. Second", "q", True),
        ("Headline 1: Rent", "q", True),
    ],
)
def test_numbers_on_page(answer: str, question: str, passed: bool) -> None:
    assert passes("numbers_on_page", answer, question) is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ('- a\nFrom the page: "Fees" [8]', True),
        ('- a\nFrom the page: "Gifts" [8]', False),
        ('From the page: "Fees" [8]\n- a', False),
        ("- a", False),
    ],
)
def test_source_quoted(answer: str, passed: bool) -> None:
    assert passes("source_quoted", answer) is passed


def test_an_abstaining_answer_passes_every_norm() -> None:
    answer = "The page does not say.\nNot legal advice."

    assert abstains(answer)
    assert all(check.passed for check in run_checks(CHECKS, answer, page=CONTRACT, question="q"))


def test_abstaining_excuses_neither_quotes_nor_numbers() -> None:
    assert not abstains('The page does not say. "Fees" [8]')
    assert not passes("numbers_on_page", "The page does not say. Perhaps 77.")


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("answer", ["", '"', "[", "- ", "\n", '"a" [1]' * 50, "😀", "Section ", "Under :"])
def test_every_norm_takes_any_answer_and_explains_itself(name: str, answer: str) -> None:
    (check,) = run_checks([name], answer, page=CONTRACT, question="")

    assert check.name == name
    assert check.note[-1] in ".”"
