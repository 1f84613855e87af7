"""The finder: units, words and meaning, requests about the whole page."""

import time
from collections.abc import Sequence

import numpy as np
import pytest

from server.text.finder import LIST_PASSAGES, Finder, Vectors, confidence, is_whole_page
from server.text.page import Page, read_page
from server.text.units import headings, units_of


def page(*blocks: str, title: str = "Ferry") -> Page:
    return read_page(title=title, url="", blocks=blocks, chars_max=500_000)


class Meanings:
    """Vectors by topic: a text means each topic of which it has a word."""

    TOPICS = (("dog", "pet"), ("price", "cost", "euros"), ("leave", "depart", "boat"))

    def encode(self, texts: Sequence[str]) -> Vectors:
        table = np.array([[any(w in t.lower() for w in topic) for topic in self.TOPICS] for t in texts], np.float32)
        normed: Vectors = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-6)
        return normed


FERRY = page(
    "Timetable",
    "The boat departs at nine. It returns at noon.",
    "Animals",
    "A dog travels free, on a lead.",
    "Fare | 4 euros",
)


def texts(question: str, *, on: Page = FERRY, meanings: bool = True, earlier: str = "") -> list[str]:
    finder, encoder = Finder(on), Meanings() if meanings else None
    if encoder is not None:
        finder.encode(encoder)
    ranked = finder.search(question, encoder, earlier=earlier)
    return [passage.unit.text for passage in finder.passages(question, ranked)]


def test_sentences_lines_and_rows_are_units_at_their_place() -> None:
    read = page("Mr. Ames said no. He left!\nFee: £5", "3.", "Row | 12 | yes")

    units = units_of(read)

    assert [(unit.block, unit.text) for unit in units] == [
        (1, "Mr. Ames said no."),
        (1, "Fee: £5"),
        (3, "Row | 12 | yes"),
    ]  # "He left!" is too short to prove anything, and so is a bare number
    assert all(read.blocks[unit.block - 1].text[unit.start : unit.end] == unit.text for unit in units)


def test_the_marks_of_lists_and_tables_are_no_part_of_a_unit() -> None:
    units = units_of(page("- Weighs 198 g in size M", "| S | 88–94 | 67 |", "|---|---|---|---|---|"))

    assert [unit.text for unit in units] == ["Weighs 198 g in size M", "S | 88–94 | 67"]


def test_a_long_sentence_is_cut_at_its_end_only() -> None:
    long = "The tenant shall keep the garden, " + "and water the roses every day, " * 30

    (first, *_) = units_of(page(long))

    assert first.start == 0
    assert len(first.text) <= 480
    assert first.text.endswith(",")


def test_words_alone_find_without_an_encoder() -> None:
    assert texts("when does the boat return", meanings=False)[0] in ("It returns at noon.", "The boat departs at nine.")


def test_meaning_finds_what_no_word_names() -> None:
    assert texts("can i bring my pet")[0] == "A dog travels free, on a lead."
    assert "A dog travels free, on a lead." not in texts("can i bring my pet", meanings=False)


def test_a_unit_is_found_by_the_heading_above_it() -> None:
    assert "A dog travels free, on a lead." in texts("animals")[:2]


def test_a_follow_up_is_searched_with_the_turn_before() -> None:
    alone, after = texts("and how much?"), texts("and how much?", earlier="dog")

    assert alone[0] != after[0] == "A dog travels free, on a lead."


@pytest.mark.parametrize("question", ["tl;dr", "What is this page about?", "summarise this", "key points"])
def test_a_request_about_the_whole_page_gets_its_key_sentences(question: str) -> None:
    assert is_whole_page(question)
    assert len(texts(question)) >= 3


def test_a_question_with_a_word_of_its_own_is_searched() -> None:
    assert not is_whole_page("What does the page say about dogs?")


def test_a_list_request_gets_more_passages() -> None:
    many = page(*(f"Berth number {n} costs {n} euros in the harbour." for n in range(20)))

    assert len(texts("list all prices", on=many)) == LIST_PASSAGES
    assert len(texts("what does berth 7 cost", on=many)) < LIST_PASSAGES


def test_the_confidence_follows_the_best_cosine() -> None:
    finder = Finder(FERRY)
    assert confidence(finder.search("boat", None)) == "Likely"  # nothing is known of the meaning
    finder.encode(Meanings())

    assert confidence(finder.search("dog", Meanings())) == "Likely"
    assert confidence(finder.search("quantum", Meanings())) == "Unlikely"


def test_the_whole_page_is_covered_however_long_it_is() -> None:
    long = page(*(f"Paragraph {n} speaks of nothing in particular." for n in range(2_000)), "A dog is allowed.")

    assert texts("dog", on=long, meanings=False)[0] == "A dog is allowed."


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("text", ["A. ", "Dr. Ames ", "§", "1 ", "“A.", "- ", "!? ", "No. 1. "])
def test_the_longest_page_is_cut_in_time_whatever_it_says(text: str) -> None:
    long = page(text * (400_000 // len(text)) + "end of it.")

    started = time.process_time()
    units_of(long)

    assert time.process_time() - started < 10  # under a second; with a pattern of quadratic time it is minutes


def test_a_page_of_symbols_only_finds_nothing_and_does_not_fail() -> None:
    assert texts("anything", on=page("§§§ §§§ §§§")) in ([], ["§§§ §§§ §§§"])


def test_rows_of_facts_are_no_headings() -> None:
    blocks = ["Plans", "Plan: Basic; Uptime: 99.5%", "Plan: Business; Uptime: 99.9% a month", "Group: Mini",
              "Group: Van, with a trailer", "Part 2: Payment", "You pay within 30 days of the invoice."]  # fmt: skip
    page = read_page(title="", url="", blocks=blocks, chars_max=1_000)

    assert [n for n in range(1, 8) if n not in headings(page)] == [1, 6]


def test_dots_that_lead_to_a_price_end_no_sentence() -> None:
    page = read_page(title="", url="", blocks=["Three full days ........ 610", "It all ended... Or so it seemed."],
                     chars_max=1_000)  # fmt: skip

    assert [unit.text for unit in units_of(page)] == [
        "Three full days ........ 610", "It all ended...", "Or so it seemed.",
    ]  # fmt: skip
