"""The chosen quotation, and what follows an abstention."""

from pathlib import Path

import pytest

from server.conversation.evidence import (
    ABSTAIN_LEAST,
    CONSIDERED_MAX,
    Found,
    QuoteChooser,
    abstention,
    after_abstention,
    considered,
)
from server.engine import AdapterRef
from server.text.checks import abstains
from server.text.finder import Passage
from server.text.prompt import PagePrefix
from server.text.units import Unit


def unit(block: int, text: str) -> Unit:
    return Unit(block, 0, len(text), text)


LATE = Passage(unit(2, "The last boat leaves at 19.10."), 0.85, 0.6)
EARLY = Passage(unit(3, "The first boat leaves at seven."), 0.8, 0.5)
DOGS = Passage(unit(4, "Dogs travel free on a lead."), 0.1, 0.1)


def chooser(*found: Passage) -> QuoteChooser:
    return QuoteChooser(found, decode=lambda ids: "".join(map(chr, ids)), encode=lambda text: [ord(c) for c in text])


def finished(answer: str, *found: Passage) -> str | None:
    ids = chooser(*(found or (LATE, EARLY, DOGS)))([ord(char) for char in answer])
    return None if ids is None else answer + "".join(map(chr, ids))


def test_the_best_unit_is_appended_whole_with_its_block() -> None:
    assert finished('In the evening. "') == 'In the evening. "The last boat leaves at 19.10." [2]'


def test_the_claim_decides_between_units_of_like_score() -> None:
    assert finished('The first boat leaves at seven. "') == (
        'The first boat leaves at seven. "The first boat leaves at seven." [3]'
    )


def test_a_point_of_a_list_is_proved_by_its_own_words() -> None:
    assert finished('- Dogs on a lead: "') == '- Dogs on a lead: "Dogs travel free on a lead." [4]'


def test_an_answer_never_quotes_a_unit_twice() -> None:
    first = finished('Late. "')
    assert first is not None
    second = finished(f'{first} Late. "')

    assert second == f'{first} Late. "The first boat leaves at seven." [3]'


def test_of_equal_units_the_shortest_is_taken() -> None:
    long = Passage(unit(5, "The very last boat of the day leaves the pier at 19.10 sharp."), 0.855)

    assert finished('Yes. "', long, LATE) == 'Yes. "The last boat leaves at 19.10." [2]'


def test_the_token_guard_goes_on_where_no_unit_is_left() -> None:
    assert finished('Late. "The last boat leaves at 19.10." [2] "', LATE) is None


def test_a_mark_that_closes_is_no_opening() -> None:
    assert finished('Late. "The last boat leaves at 19.10."') is None


def prefix(read: int, total: int) -> PagePrefix:
    return PagePrefix((), {}, read, total)


def test_an_abstention_shows_the_closest_passage() -> None:
    answer = "The page does not say."

    added = after_abstention(answer, Found((LATE,), (LATE,)), prefix(4, 4))

    assert added == '\nClosest: "The last boat leaves at 19.10." [2]'
    assert abstains(answer + added)


def test_a_weak_passage_is_not_shown() -> None:
    assert after_abstention("The page does not say.", Found((DOGS,), (DOGS,)), prefix(4, 4)) == ""


def test_an_abstention_says_how_much_of_the_page_was_read() -> None:
    assert "Blocks 1 to 3 of 9 were read" in after_abstention("The page does not say.", Found(), prefix(3, 9))


def test_an_answer_gets_nothing_added() -> None:
    assert after_abstention("At nine.", Found((LATE,), (LATE,)), prefix(4, 4)) == ""


def ranked(count: int, *, score: float = 0.5) -> tuple[Passage, ...]:
    return tuple(Passage(unit(n, f"Sentence {n}."), score) for n in range(10, 10 + count))


@pytest.mark.parametrize(
    ("beyond", "kept"),
    [(CONSIDERED_MAX - 1, CONSIDERED_MAX - 1), (CONSIDERED_MAX, CONSIDERED_MAX), (CONSIDERED_MAX + 1, CONSIDERED_MAX)],
)
def test_what_ranked_next_is_considered_up_to_a_limit(beyond: int, kept: int) -> None:
    found = Found((LATE,), (LATE, *ranked(beyond)))

    assert considered(found) == list(ranked(kept))


def test_a_text_is_considered_once_and_not_when_it_stands_in_the_prompt() -> None:
    twin, late = Passage(unit(7, EARLY.unit.text), 0.7), Passage(unit(8, LATE.unit.text), 0.7)

    assert considered(Found((LATE,), (LATE, late, EARLY, twin))) == [EARLY]


def test_what_has_nothing_to_do_with_the_question_is_not_considered() -> None:
    assert considered(Found((LATE,), (LATE, *ranked(2, score=0.0)))) == []


def opening(question: str, adapter: AdapterRef | None, *, instructed: bool = True) -> tuple[str, float] | None:
    found = abstention(question, adapter, lambda text: [ord(char) for char in text], instructed=instructed)
    return None if found is None else ("".join(map(chr, found.ids)), found.least)


def test_how_sure_an_abstention_must_be_is_the_adapters_own() -> None:
    calibrated = AdapterRef("legal", Path(), "digest", abstain_least=0.31, abstain_least_plain=0.62)

    assert opening("how long is the term", calibrated) == ("Th", 0.31)  # the first two tokens; here a token is a letter
    assert opening("how long is the term", calibrated, instructed=False) == ("Th", 0.62)
    assert opening("how long is the term", AdapterRef("legal", Path(), "digest")) == ("Th", ABSTAIN_LEAST)


def test_a_request_and_the_base_alone_are_not_held_to_it() -> None:
    assert opening("tl;dr", AdapterRef("legal", Path(), "digest")) is None
    assert opening("how long is the term", None) is None
