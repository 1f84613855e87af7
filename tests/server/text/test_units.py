"""Units: long sentences in several, each of which can be found and quoted."""

import statistics
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.conversation.evidence import QuoteChooser, find
from server.errors import PageError
from server.text.finder import Finder
from server.text.grounding import quotations
from server.text.page import Page, read_page
from server.text.units import UNIT_CHARS_MAX, UNIT_CHARS_MIN, units_of

CLAUSES = [f"the {word} of lot {n} shall be paid in crowns" for n in range(6) for word in "rent tax fee toll".split()]
LONG = "It is agreed that " + ", ".join(CLAUSES) + "."


def page(*blocks: str) -> Page:
    return read_page(title="", url="", blocks=blocks, chars_max=500_000)


def encode(text: str) -> list[int]:
    return [ord(char) for char in text]


def decode(ids: Sequence[int]) -> str:
    return "".join(map(chr, ids))


def test_a_long_sentence_becomes_several_units_that_lose_no_clause() -> None:
    units = units_of(page(LONG))

    assert len(units) == 3
    assert " ".join(unit.text for unit in units) == LONG
    assert all(unit.text == LONG[unit.start : unit.end] for unit in units)
    assert all(unit.text.endswith((",", ".")) for unit in units)


def test_the_last_clause_of_a_long_sentence_is_found_and_quoted() -> None:
    read = page("Fees are due in May.", LONG)
    found = find(Finder(read), "toll of lot 5", None)
    chooser = QuoteChooser(found.ranked, decode=decode, encode=encode)

    answer = 'The toll of lot 5: "'
    answer += decode(chooser(encode(answer)) or ())
    (quote,) = quotations(answer, read)

    assert "toll of lot 5" in quote.text
    assert (quote.verified, quote.block) == (True, 2)


def test_cells_of_a_long_row_stay_whole() -> None:
    row = " | ".join(f"Cell number {n} of a long row" for n in range(40))

    units = units_of(page(row))

    assert " | ".join(unit.text for unit in units) == row
    assert all(unit.text.startswith("Cell number") for unit in units)


def test_a_long_sentence_without_spaces_is_cut_at_its_marks() -> None:
    text = "，".join("契约规定租户必须照料花园" for _ in range(100))

    assert "".join(unit.text for unit in units_of(page(text))) == text


def test_of_a_word_that_is_too_long_only_the_beginning_can_be_quoted() -> None:
    units = units_of(page("x" * 2_000 + " is followed by a short remark"))

    assert [unit.text for unit in units] == ["x" * UNIT_CHARS_MAX, "is followed by a short remark"]


@pytest.mark.parametrize("beyond", range(UNIT_CHARS_MIN + 2))
def test_a_sentence_just_above_the_limit_keeps_its_last_word(beyond: int) -> None:
    text = ("so on and on " * 40)[: UNIT_CHARS_MAX + beyond - 4].rstrip() + " end"

    assert units_of(page(text))[-1].text.endswith(" end")


@given(st.text(alphabet="ab1 ,;|.\n-x", max_size=3_000))
def test_units_follow_one_another_and_start_with_a_word(text: str) -> None:
    try:
        read = page(text)
    except PageError:  # nothing to read
        return
    whole = read.blocks[0].text
    at = 0
    for unit in units_of(read):
        assert at <= unit.start < unit.end <= len(whole)
        assert len(unit.text) <= UNIT_CHARS_MAX
        assert unit.start == 0 or not whole[unit.start - 1 : unit.start + 1].isalnum()
        at = unit.end


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("text", ["word, ", "x", "x; ", "a b ", "，", "- | "], ids=repr)
def test_cutting_takes_time_in_proportion_to_the_page(text: str) -> None:
    def seconds(chars: int) -> list[float]:
        long = page((text * chars)[: chars - 20] + " the end of it all.")
        runs = []
        for _ in range(7):
            started = time.thread_time()  # other programs do not count
            units_of(long)
            runs.append(time.thread_time() - started)
        return runs

    assert min(seconds(400_000)) <= 20 * statistics.median(seconds(40_000))


@pytest.mark.parametrize(
    "text",
    ["Sales rose in the six months to Sept. 2025 by a third.", "The court followed Marr v. Oakley on this point.",
     "The doors open on 3 Feb. At nine we begin the tour of the mill."],
)  # fmt: skip
def test_an_abbreviation_ends_no_sentence(text: str) -> None:
    assert [unit.text for unit in units_of(page(text))] == [text]
