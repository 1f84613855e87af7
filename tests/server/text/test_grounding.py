import pytest

from server.text.grounding import citations, find, quotations
from server.text.page import FOLDS, read_page

PAGE = read_page(
    title="T", url="", blocks=["The fee is 5 euros – due in May.", "It’s “final” and may\nchange."], chars_max=1_000
)


def test_a_quote_is_found_in_the_block_that_it_cites() -> None:
    [quote] = quotations('Due soon: "due in May" [1].', PAGE)

    assert (quote.verified, quote.block, quote.text, quote.at) == (True, 1, "due in May", 10)


def test_a_quote_of_another_block_is_not_verified() -> None:
    [quote] = quotations('"due in May" [2]', PAGE)

    assert not quote.verified


@pytest.mark.parametrize("words", ["It's 'final'", "It′s «final»", "and may change", "5 euros - due", "5 euros − due"])
def test_quote_marks_dashes_and_line_ends_are_folded(words: str) -> None:
    [quote] = quotations(f'"{words}"', PAGE)

    assert quote.verified


@pytest.mark.parametrize("words", ["he fee", "fee is 5 eur", "The fee is 6 euros", ""])
def test_parts_of_words_and_other_words_are_not_found(words: str) -> None:
    assert find(words, PAGE.blocks[0]) is None


def test_a_folded_character_keeps_its_place() -> None:
    assert {(len(char), len(folded)) for char, folded in FOLDS.items()} == {(1, 1)}


def test_citations_keep_their_order() -> None:
    assert citations("see [2], then [1] and [12]") == [2, 1, 12]
