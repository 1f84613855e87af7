"""Page text is hostile: reading, cutting, finding, quoting, suggesting and redacting take linear time."""

from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest

from server.catalog.copilots import Copilot
from server.catalog.suggest import PageFacts, Suggester
from server.text.documents import read_document
from server.text.finder import Finder
from server.text.grounding import QUOTES_MAX, find_whole, quotations
from server.text.orders import orders
from server.text.page import Page, read_page
from server.text.stream import QuoteStream, goes_in_circles
from server.text.units import headings, units_of
from training.dataset.redact import redact

pytestmark = pytest.mark.usefixtures("untraced")
SMALL, LARGE = 20_000, 200_000
MIXED_SMALL, MIXED_LARGE = 40_000, 400_000  # a whole page of every kind, one after the other
GROWTH_MAX, SECONDS = 12, 1.0  # ten times the text may take twelve times as long, and what a busy machine adds
RUNS = {
    "letters": "a", "words": "a ", "stops": ".", "sentences": "A. ", "marks": "- ", "bars": "| ", "quotes": '"',
    "lines": "a\n", "headings": "Aa bb", "clauses": "a;", "digits": "1", "capitals": "A", "accents": "é",
    "characters of a language without spaces": "語。", "tokens": "eyJ-", "secrets": "a-", "pairs": "aA",
    "orders": "AI, ", "more orders": "ignore your ",
    "hidden": "\u200b", "spaces": " ", "brackets": "](", "ellipses": "... ",
}  # fmt: skip


def run_of(kind: str, chars: int) -> str:
    return (RUNS[kind] * chars)[:chars]


def page_of(text: str, *, blocks: int = 1) -> Page:
    size = max(1, len(text) // blocks)
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    return read_page(title="a", url="https://a.b/c", blocks=["Heading", *parts], chars_max=10**7)


def search(text: str) -> None:
    finder = Finder(page_of(text))
    finder.passages("List all dates", finder.search("a A 語 1 heading", None))


def suggest(text: str) -> None:
    copilots = [Copilot(f"a/{n}", f"Copilot {n}", "a", "A", promise="a b", hints=("a a", "語")) for n in range(20)]
    for blocks in (1, 8_000):
        Suggester(None).rank(PageFacts.of(page_of(text, blocks=blocks), types=["a"]), copilots)


def stream(text: str) -> None:
    """Token by token, an answer as long as answers may be."""
    page, answer = page_of(text), ""
    quotes = QuoteStream(page)
    for at in range(0, 4_000, 4):
        answer += text[at : at + 4]
        quotes.push(answer)
        goes_in_circles(answer)


def quote(text: str) -> None:
    """Many quotations of a page that repeats itself, each almost right."""
    page = page_of(text)
    quotations(f'"{text[:500]}b" ' * 80 + f'"{text[1:500]}" ' * 80, page)


WORK: dict[str, Callable[[str], object]] = {
    "read": page_of, "read many blocks": lambda text: page_of(text, blocks=8_000),
    "cut": lambda text: units_of(page_of(text)),
    "headings": lambda text: headings(page_of(text, blocks=8_000)), "search": search, "suggest": suggest,
    "orders": lambda text: orders(page_of(text)), "stream": stream, "quote": quote, "redact": redact,
}  # fmt: skip


# A search and a suggestion index the whole page: the kinds that make the most units, words and headings.
INDEXED = ("words", "sentences", "lines", "clauses", "capitals", "characters of a language without spaces", "hidden")


def seconds(work: Callable[[str], object], text: str) -> float:
    started = process_time()
    try:
        work(text)
    except Exception as error:  # a page of nothing but hidden characters is refused
        assert type(error).__name__ == "PageError"
    return process_time() - started


@pytest.mark.parametrize("name", WORK)
def test_a_hostile_page_takes_linear_time(name: str) -> None:
    for kind in INDEXED if name in ("search", "suggest") else RUNS:
        took = seconds(WORK[name], run_of(kind, SMALL))

        assert took <= 4 * SECONDS, kind
        assert seconds(WORK[name], run_of(kind, LARGE)) <= GROWTH_MAX * took + SECONDS, kind


@pytest.mark.parametrize("name", WORK)
def test_the_longest_page_of_all_kinds_takes_linear_time(name: str) -> None:
    small, large = ("".join(run_of(kind, chars // len(RUNS)) for kind in RUNS) for chars in (MIXED_SMALL, MIXED_LARGE))

    assert seconds(WORK[name], large) <= GROWTH_MAX * seconds(WORK[name], small) + SECONDS


@pytest.mark.parametrize("kind", ["lines", "spaces", "words"])
def test_a_hostile_text_file_takes_linear_time(tmp_path: Path, kind: str) -> None:
    small, large = tmp_path / "small.txt", tmp_path / "large.txt"
    small.write_text(run_of(kind, SMALL) + "b")
    large.write_text(run_of(kind, LARGE) + "b")
    took = seconds(lambda _: read_document(str(small)), "")

    assert seconds(lambda _: read_document(str(large)), "") <= GROWTH_MAX * took + SECONDS


@pytest.mark.parametrize(("number", "verified"), [(QUOTES_MAX - 1, True), (QUOTES_MAX, True), (QUOTES_MAX + 1, False)])
def test_so_many_quotations_of_an_answer_are_looked_up(number: int, verified: bool) -> None:
    page = read_page(title="a", url="", blocks=["The fee is due."], chars_max=100)
    answer = '"The fee" [1] ' * number
    found = quotations(answer, page)

    assert found[-1].verified == verified
    stream = QuoteStream(page)
    told = [one for at in range(0, len(answer), 7) for one in stream.push(answer[: at + 7])]
    assert [*told, *stream.push(answer, finished=True)] == found


@pytest.mark.parametrize(("wanted", "text", "at"), [
    ("ab a", "ab " * 200 + "ab a", 600), ("ab a", "ab " * 200, -1), ("a", "ba " * 200 + "a", 600), ("a", "a", 0),
    (".", "a.b", 1), ("a.", "ba." * 100 + " a.", 301), ("", "a", -1), ("é", "éé " * 100 + "é", 300),
    ("b b", "b bb " * 100 + "b b", 500),
])  # fmt: skip
def test_a_text_that_repeats_itself_is_found_all_the_same(wanted: str, text: str, at: int) -> None:
    assert find_whole(wanted, text) == at
