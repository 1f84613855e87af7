"""Each check with answers that pass it and answers that do not."""

import pytest
from pydantic import ValidationError

from server.text.checks import CHECKS, CheckSpec, abstains, run_checks
from server.text.checks.form import FORMS, form_of
from server.text.page import read_page
from tests.server.text.checks.judging import READ, judged, spec

CONTRACT = read_page(
    title="Lease",
    url="",
    blocks=["Lease of 12 May",
            "9.2 Either party may end it with 30 days' notice.", "## B. Price", "§ 5 Rent", "Article IV",
            "Clause 12 Deposit", "(b) The deposit is €1,204.50.", "Fees", "A dog is welcome."],
    chars_max=10_000,
)  # fmt: skip


def passes(check: str | CheckSpec, answer: str, question: str = "q") -> bool:
    return judged(check, answer, CONTRACT, question).passed


def test_a_check_is_named_alone_or_with_its_parameters() -> None:
    assert READ.validate_python("cites_block") == spec("cites_block")
    assert spec("must_say").label == "must_say: doctor"


@pytest.mark.parametrize(
    "wrong",
    [
        "nope", "must_say", {"check": "must_say", "any_of": []}, {"check": "must_say", "any_of": ["a"], "more": 1},
        {"check": "form", "one_of": ["poem"]}, {"check": "form", "one_of": ["verdict"]}, 7,
        {"check": "form", "one_of": ["fact"], "verdicts": ["good"]},
    ],
)  # fmt: skip
def test_unknown_checks_and_bad_parameters_are_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        READ.validate_python(wrong)


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
        ('Section 9.2: Either may end it. "Either party may end it" [2]', True),
        ('- Section 9.2, ending: "Either party may end it" [2]\n- Under Fees, fees: "A dog is welcome." [9]', True),
        ('Section B: Either may end it. "Either party may end it" [2]', False),
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
        ("Section 9.2. " * 65, False),
        ('"Fees" [8] Clause 12: some.\n"Either party may end it" [2] Clause 12: either may.', False),
    ],
)
def test_section_named(answer: str, passed: bool) -> None:
    assert passes("section_named", answer) is passed


def test_must_end_with() -> None:
    assert passes("must_end_with", "Yes.\nNot legal advice.\n")
    assert not passes("must_end_with", "Not legal advice.\nYes.")


def test_must_say_and_must_not_say() -> None:
    assert passes("must_say", "Ask a DOCTOR.")
    assert not passes("must_say", "Ask a friend.")
    assert passes("must_not_say", 'It says "you will win" [1], you will window-shop.')
    assert not passes("must_not_say", "Surely You will win.")
    assert not passes(spec("must_not_say", none_of=["cure*"]), "It cures colds.")
    assert passes(spec("must_not_say", none_of=["cure"]), "It cures colds.")


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("It may help.", True),
        ("Verdict: weak. It helps.", False),
        ("Verdict: weak. It may help.", True),
        ('It helps: "it may help" [1]', False),
        ("One study cannot prove it.", True),
        ("It helps.", False),
    ],
)
def test_hedged(answer: str, passed: bool) -> None:
    assert passes("hedged", answer) is passed


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        ('It costs five. "Fees" [8]', "fact"),
        ('It costs five. "Fees" [8] "A dog is welcome." [9]', "fact"),
        ('- Fees: "Fees" [8]\n- Dogs: "A dog is welcome." [9]', "list"),
        ('| what | quote |\n| --- | --- |\n| fees | "Fees" [8] |', "table"),
        ('Verdict: weak. It may help. "Fees" [8]', "verdict"),
        ('A dog?\nCome in!\n\nFrom the page: "A dog is welcome." [9]', "draft"),
        ("It has fees [8]. Dogs are welcome [9].", "summary"),
        ("It costs five.", None),
        ('"Fees" [8]', None),
        ('- Fees: "Fees" [8]\nAnd more.', None),
        ('- x: "Fees" [8]\n' * 6 + '- x: "Fees" [8]', None),
        ("| what | quote |\n| --- | --- |\n| fees | five |", None),
        ('| what | quote |\n| --- | --- |\n| a | b | "Fees" [8] |', None),
        ("Verdict: weak.", None),
        ('A dog?\nFrom the page: "A dog is welcome." [9]', None),
        ('"A dog?"\n\nFrom the page: "A dog is welcome." [9]', None),
        ("It has fees [8]. Dogs are welcome.", None),
        ("", None),
    ],
)
def test_the_six_forms(answer: str, form: str | None) -> None:
    assert form_of(answer) == form


def test_the_check_of_a_form() -> None:
    graded = spec("form", one_of=["verdict"], verdicts=["weak", "none"], closing="Ask a clinician.")

    assert passes(graded, 'Verdict: weak. It may help. "Fees" [8]\nAsk a clinician.')
    assert passes(graded, 'Verdict: none. It may help. "Fees" [8]')
    assert not passes(graded, 'Verdict: great. It may help. "Fees" [8]')
    assert not passes(graded, 'It may help. "Fees" [8]')
    assert len(FORMS) == 6


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


def test_an_abstaining_answer_passes_every_check() -> None:
    answer = "The page does not say.\nNot legal advice."

    assert abstains(answer)
    assert all(check.passed for check in run_checks(map(spec, CHECKS), answer, page=CONTRACT, question="q"))


def test_abstaining_excuses_neither_quotes_nor_numbers() -> None:
    assert not abstains('The page does not say. "Fees" [8]')
    assert not passes("numbers_on_page", "The page does not say. Perhaps 77.")


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("answer", ["", '"', "[", "- ", "\n", '"a" [1]' * 50, "😀", "Section ", "Under :"])
def test_every_check_takes_any_answer_and_explains_itself(name: str, answer: str) -> None:
    (check,) = run_checks([spec(name)], answer, page=CONTRACT, question="")

    assert check.name == spec(name).label
    assert check.note[-1] in ".”"


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_says_what_it_holds_an_answer_to(name: str) -> None:
    assert (CHECKS[name].__doc__ or "").endswith((".", ".\n    "))
