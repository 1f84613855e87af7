"""Lengths and counts that questions ask for."""

import pytest

from server.text.lengths import Demand, demands, pieces, too_long, wrong_count

AD_LIMITS = {"headline": 30, "meta description": 155, "description": 90}  # as ad-copy has them


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Write three headlines of 30 characters or fewer", [Demand(3, 30)]),
        ("Write a meta description under 155 characters", [Demand(None, 154)]),
        ("two taglines, max 30 char", [Demand(2, 30)]),
        ("a slogan of at most 5 words", [Demand(None, 5, "words")]),
        ("an ad line <= 90 chars", [Demand(None, 90)]),
        ("Write two ad descriptions of no more than 90 characters.", [Demand(2, 90)]),
        ("4 headlines", [Demand(4, 30)]),
        ("A meta description please", [Demand(None, 155)]),
        ("two descriptions", [Demand(2, 90)]),
        ("five 30-character headlines", [Demand(5, 30)]),
        ("Give two angles with one call to action each", [Demand(2, None)]),
        ("Three headlines and two descriptions", [Demand(3, 30), Demand(2, 90)]),
        ("3 headlines (max 25) and 1 description up to 80 characters", [Demand(3, 25), Demand(1, 80)]),
        ("A post of at least 100 characters", []),
        ("What does it cost?", []),
        ("Is the 20% discount real?", []),
    ],
)
def test_demands(question: str, expected: list[Demand]) -> None:
    assert demands(question, AD_LIMITS) == expected


@pytest.mark.parametrize(("length", "complaint"), [(29, False), (30, False), (31, True)])
def test_a_piece_is_measured_without_its_marks(length: int, complaint: bool) -> None:
    answer = f'- Headline 1: {"x" * length} [3]\nFrom the page: "y" [1]'

    assert (too_long(answer, "A headline of at most 30 characters") is not None) is complaint


@pytest.mark.parametrize(("words", "complaint"), [(4, False), (5, False), (6, True)])
def test_words_are_counted_where_words_are_asked_for(words: int, complaint: bool) -> None:
    assert (too_long("- " + "w " * words, "a slogan of at most 5 words") is not None) is complaint


def test_each_piece_has_its_own_limit_when_counts_are_given() -> None:
    question = "two headlines of 10 characters and one description of 40 characters"

    assert too_long("- short\n- brief\n- " + "d" * 40, question) is None
    assert too_long("- short\n- " + "d" * 11 + "\n- d", question)


@pytest.mark.parametrize(("lines", "complaint"), [(2, True), (3, False), (4, True)])
def test_the_number_of_pieces_is_counted(lines: int, complaint: bool) -> None:
    assert (wrong_count("- x\n" * lines, "Write three headlines") is not None) is complaint


def test_nothing_is_demanded_when_the_question_says_nothing() -> None:
    assert wrong_count("- x\n- y", "Write ads") is None
    assert too_long("- " + "x" * 500, "Write ads") is None
    assert pieces("one\ntwo") == ["one", "two"]


def test_a_kind_of_text_has_a_limit_only_where_one_is_given() -> None:
    long = "- " + "x" * 60

    assert too_long(long, "Write a headline", {}) is None
    assert too_long(long, "Write a headline", {"headline": 30}) is not None
    assert too_long(long, "Write a headline of at most 30 characters", {}) is not None
