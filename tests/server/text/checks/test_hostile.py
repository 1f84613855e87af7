"""Answers and pages are hostile: no check takes more than linear time, and none of them fails."""

from time import process_time

import pytest

from server.text.checks import CHECKS, CheckSpec, run_checks
from server.text.page import Page
from tests.server.text.checks.judging import page_of, spec

pytestmark = pytest.mark.usefixtures("untraced")
SMALL, LARGE = 8_000, 80_000
MIXED_SMALL, MIXED_LARGE = 40_000, 400_000  # a whole page of every kind, one after the other
GROWTH_MAX, SECONDS = 12, 1.0  # ten times the text may take twelve times as long, and what a busy machine adds
RUNS = {
    "digits": "1", "dots": ".", "quotes": '"', "section signs": "§", "capitals": "A", "names": "A ",
    "points": "- A) x\n", "quotations": '"Fees" [3] ', "labels": "Section 1 ", "sums": "1 + 1 ", "addresses": "a.b@",
    "steps": "```\n1. a\n", "unclosed": '"a ', "options": "A) a a\nAnswer: a a b\n", "flags": "--a1 /b2 ",
    "stems": "refunda ", "rows": "|-|\n", "entries": "@a{b, c = {",
}  # fmt: skip
PAGE = page_of("Lease of 12 May, $5 per month", "Warning: chest pain. Section 1", "Fees")
QUESTION = "List the steps and actions in BibTeX at grade 8, five headlines of 30 characters"
ANSWER = """Section 1: it may cost $5, since 1 + 1 = 2, see Anna and `a.b` in the best refund. "Fees" [1]
1. Click on a.com, or a@a.com
- A) Fees
- Answer: A
| Owner | Date |
| --- | --- |
| Anna | 1 May |
@a{b, title = {A}}"""


def run_of(kind: str, chars: int) -> str:
    if kind == "spaces":
        return f"a{' ' * chars}a"
    return (RUNS[kind] * chars)[:chars]


def seconds(check: CheckSpec, answer: str, page: Page) -> float:
    started = process_time()
    run_checks([check], answer, page=page, question=QUESTION)
    return process_time() - started


def is_linear(check: CheckSpec, small: tuple[str, Page], large: tuple[str, Page]) -> bool:
    took = seconds(check, *small)
    return took <= SECONDS and seconds(check, *large) <= GROWTH_MAX * took + SECONDS  # else ten times the text may hang


@pytest.fixture(scope="module", params=["digits", "dots", "section signs", "capitals", "names", "labels", "addresses"])
def pages(request: pytest.FixtureRequest) -> tuple[Page, Page]:
    return page_of(run_of(request.param, SMALL)), page_of(run_of(request.param, LARGE))


@pytest.mark.parametrize("name", CHECKS)
def test_a_hostile_answer_takes_linear_time(name: str) -> None:
    for kind in [*RUNS, "spaces"]:
        small, large = ((run_of(kind, chars), PAGE) for chars in (SMALL, LARGE))

        assert is_linear(spec(name), small, large), kind


@pytest.mark.parametrize("name", CHECKS)
def test_the_longest_page_of_all_kinds_takes_linear_time(name: str) -> None:
    small, large = (
        ("".join(run_of(kind, chars // len(RUNS)) for kind in RUNS), PAGE) for chars in (MIXED_SMALL, MIXED_LARGE)
    )

    assert is_linear(spec(name), small, large)


@pytest.mark.parametrize("name", CHECKS)
def test_a_hostile_page_takes_linear_time(name: str, pages: tuple[Page, Page]) -> None:
    small, large = ((ANSWER, page) for page in pages)

    assert is_linear(spec(name), small, large)


@pytest.mark.parametrize("kind", ["labels", "unclosed", "options", "flags", "stems", "capitals"])
@pytest.mark.parametrize("name", CHECKS)
def test_a_hostile_answer_about_a_hostile_page_takes_linear_time(name: str, kind: str) -> None:
    small, large = ((run_of(kind, chars), page_of(run_of(kind, chars))) for chars in (SMALL, LARGE))

    assert is_linear(spec(name), small, large)


def test_distinct_flags_and_stems_of_a_hostile_answer() -> None:
    """Each is another one, and all stand at the page's end."""
    for check, make in (("identifier_fidelity", "--a{}"), ("no_unsupported_promise", "refund{}")):
        texts = [" ".join(make.format(number) for number in range(chars // 8)) for chars in (SMALL, LARGE)]
        small, large = ((text, page_of(" " * 9 + "x" * len(text) + " " + text)) for text in texts)

        assert is_linear(spec(check), small, large), check
