"""Claims beside their quotations: coverage, modal verbs, causes."""

import pytest

from server.text.checks.answer import Answer
from server.text.checks.claims import claims
from tests.server.text.checks.judging import judged, page_of, spec

PAGE = page_of(
    "The Tenant shall pay the rent on the first.",
    "The Tenant may keep a dog. The Tenant may not sublet.",
    "Coffee was associated with a lower risk of stroke.",
    "In the trial the drug lowered the risk, which was linked with age.",
    "The owner need not repair it.",
)
PAYS, DOG, SUBLET = (
    '"The Tenant shall pay the rent on the first." [1]', '"The Tenant may keep a dog." [2]',
    '"The Tenant may not sublet." [2]',
)  # fmt: skip
COFFEE = '"Coffee was associated with a lower risk of stroke." [3]'


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (f"It pays. {PAYS} It has a dog. {DOG}", ["It pays. ", " It has a dog. "]),
        (f"- Rent: {PAYS}\n- Dog: {DOG}", ["- Rent: ", "- Dog: "]),
        (f"It pays.\n{PAYS}", ["It pays."]),
        (f"It pays. {PAYS}, Section 1.", ["It pays. "]),
        (f"It pays. {PAYS} And then some more words.", ["It pays. ", " And then some more words."]),
        ("Rent [1]. Dog [2].", ["Rent ", ". Dog "]),
        (f"# Duties\nThese are all:\n| what | quote |\n| --- | --- |\n| rent | {PAYS} |", ["| rent | "]),
        (PAYS, []),
        ("", []),
    ],
)
def test_an_answer_is_cut_into_claims(answer: str, words: list[str]) -> None:
    assert [claim.words for claim in claims(Answer(answer, PAGE, "q"))] == words


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        (f"It pays. {PAYS}", True),
        (f"- Rent: {PAYS}\n- Dog: {DOG}\nNot legal advice.", True),
        (f"Dear owner,\nI pay and I have a dog.\n\nFrom the page: {PAYS} {DOG}", True),
        ('Dear owner,\nI pay.\n\nFrom the page: "I pay." [1]', False),
        (f"- Rent: {PAYS}\n- A cat is fine too, of course\n- So is a horse in the garden", False),
        ('It pays. "The Tenant pays." [1]', False),
        ("The rent is due on the first [1].", False),
        ("", False),
        ("The page does not say.", True),
    ],
)
def test_quote_coverage(answer: str, passed: bool) -> None:
    assert judged(spec("quote_coverage", ignore=["Not legal advice."]), answer, PAGE).passed is passed


def test_a_cited_block_is_enough_where_the_copilot_says_so() -> None:
    assert judged(spec("quote_coverage", or_cites=True), "The rent is due on the first [1].", PAGE).passed
    assert judged(spec("quote_coverage", at_least=0.5), f"It pays. {PAYS}\nIt may well have a cat.", PAGE).passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        (f"The Tenant must pay. {PAYS}", True),
        (f"The Tenant pays on the first. {PAYS}", True),
        (f"A dog is allowed; the Tenant can keep one. {DOG}", True),
        (f"The Tenant cannot sublet. {SUBLET}", True),
        (f"It may keep a dog but must not sublet. {DOG} {SUBLET}", True),
        ("The Tenant must pay.", True),
        (f"The Tenant may pay. {PAYS}", False),
        (f"The Tenant must keep a dog. {DOG}", False),
        (f"The Tenant may sublet. {SUBLET}", False),
        ('The owner must repair it. "The owner need not repair it." [5]', False),
        ("The page does not say.", True),
    ],
)
def test_modal_fidelity(answer: str, passed: bool) -> None:
    assert judged("modal_fidelity", answer, PAGE).passed is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        (f"Coffee is linked with fewer strokes. {COFFEE}", True),
        (f"This does not prove that coffee lowers the risk. {COFFEE}", True),
        ('The drug lowered it. "In the trial the drug lowered the risk, which was linked with age." [4]', True),
        (f"Coffee lowers the risk. {COFFEE}", False),
        (f"Coffee prevents strokes. {COFFEE}", False),
        (f"Fewer strokes, thanks to coffee. {COFFEE}", False),
        ("The page does not say.", True),
    ],
)
def test_no_causal_upgrade(answer: str, passed: bool) -> None:
    assert judged("no_causal_upgrade", answer, PAGE).passed is passed


def test_a_copilot_may_name_its_own_causal_verbs() -> None:
    assert judged(spec("no_causal_upgrade", causes=["triggers"]), f"Coffee lowers the risk. {COFFEE}", PAGE).passed
    assert not judged(spec("no_causal_upgrade", causes=["trigger*"]), f"It triggered it. {COFFEE}", PAGE).passed
