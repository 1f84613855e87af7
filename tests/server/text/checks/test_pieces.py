"""Pieces: how alike they are, and at which grade they read."""

import pytest

from server.text.checks.lengths import flesch_kincaid
from tests.server.text.checks.judging import judged, page_of, spec

PAGE = page_of("Soap.")
EASY = "The cat sat on the mat. The dog ran to the cat. The cat ran up the tree. The dog sat and sat by it. "
HARD = (
    "Notwithstanding considerable organisational uncertainty, interdisciplinary collaboration facilitates "
    "methodological innovation, institutional transparency, and comprehensive environmental accountability "
    "throughout international administrative communities everywhere simultaneously."
)


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("- Soap that lasts\n- Clean hands, no plastic", True),
        ("- Soap that lasts", True),
        ("", True),
        ("- Soap that lasts\n- Soap that lasts!", False),
        ("- Soap that lasts long\n- Soap that lasts\n- soap THAT lasts", False),
        ("The page does not say.", True),
    ],
)
def test_distinct_variants(answer: str, passed: bool) -> None:
    assert judged("distinct_variants", answer, PAGE).passed is passed


def test_how_alike_pieces_may_be_is_a_parameter() -> None:
    assert not judged(spec("distinct_variants", at_most=0.1), "- Soap that lasts\n- Soap in bulk", PAGE).passed


def test_the_grade_of_easy_and_hard_text() -> None:
    easy, hard = flesch_kincaid(EASY), flesch_kincaid(HARD)

    assert easy is not None and hard is not None
    assert easy < 2 < 16 < hard
    assert flesch_kincaid("Too short.") is None


@pytest.mark.parametrize(
    ("answer", "question", "passed"),
    [
        (EASY, "Rewrite at a 3rd-grade level", True),
        (HARD, "Rewrite at an 8th-grade level", False),
        (HARD, "Rewrite for grade 8 please", False),
        (HARD, "Rewrite it", True),
        (f'{EASY}"{HARD}" [1]', "Rewrite at a 3rd-grade level", True),
        ("The page does not say.", "Rewrite at a 3rd-grade level", True),
    ],
)
def test_readability_grade(answer: str, question: str, passed: bool) -> None:
    assert judged("readability_grade", answer, PAGE, question).passed is passed


def test_a_copilot_may_set_the_grade() -> None:
    assert not judged(spec("readability_grade", grade=9), HARD, PAGE).passed
    assert judged(spec("readability_grade", grade=9), EASY, PAGE).passed
