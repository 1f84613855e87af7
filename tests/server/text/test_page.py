"""Cleaning hostile page text, and finding the way back to where each character came from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import LimitExceeded, PageError
from server.text.page import clean, is_hidden, read_page


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u202e", "\u2066", "\ufeff", "\u00ad", "\x00", "\x1b", "\U000e0041", "\ud800", "\ufe0f"]
)
def test_what_a_reader_cannot_see_is_dropped(hidden: str) -> None:
    assert clean(f"pay{hidden} now{hidden}")[0] == "pay now"


def test_runs_of_white_space_become_one_space_or_line_feed() -> None:
    assert clean("  a \t b\u00a0c \n\n d ")[0] == "a b c\nd"


def test_straight_double_quotes_become_typographic() -> None:
    assert clean('The "Fee" ("late")')[0] == "The “Fee” (“late”)"


def test_a_block_without_text_keeps_its_number_and_is_left_out() -> None:
    page = read_page(title="T", url="", blocks=["one", " \u200b ", "three"], chars_max=100)

    assert [block.n for block in page.blocks] == [1, 3]


def test_spans_lead_back_to_utf16_offsets_of_the_raw_block() -> None:
    raw = "😀 \u200bfees  are 😀 due"
    [block] = read_page(title="", url="", blocks=[raw], chars_max=100).blocks
    at = block.text.index("are")

    start, end = block.raw_span(at, at + 3)

    assert utf16(raw)[2 * start : 2 * end].decode("utf-16-le") == "are"


@given(st.text(max_size=60))
def test_every_character_kept_stands_at_its_offset(raw: str) -> None:
    text, offsets = clean(raw)

    assert len(offsets) == len(text) + 1
    assert list(offsets) == sorted(offsets)
    for char, at in zip(text, offsets, strict=False):
        assert not is_hidden(char) or char == "\n"
        if char not in " \n“”":
            assert utf16(raw)[2 * at :].startswith(utf16(char))


@pytest.mark.parametrize(("length", "fits"), [(9, True), (10, True), (11, False)])
def test_the_page_limit_counts_raw_characters(length: int, fits: bool) -> None:
    if fits:
        assert read_page(title="", url="", blocks=["x" * length], chars_max=10).chars == length
        return

    with pytest.raises(LimitExceeded) as refusal:
        read_page(title="", url="", blocks=["x" * length], chars_max=10)

    assert refusal.value.code == "page_too_long"


@pytest.mark.parametrize("blocks", [[], [""], [" ", "\u200b"]])
def test_a_page_without_text_is_refused(blocks: list[str]) -> None:
    with pytest.raises(PageError) as refusal:
        read_page(title="T", url="", blocks=blocks, chars_max=100)

    assert refusal.value.code == "page_empty"
