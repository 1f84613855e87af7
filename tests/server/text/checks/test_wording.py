"""Superlatives and promises that need support."""

import pytest

from tests.server.text.checks.judging import judged, page_of, spec

PAGE = page_of("The leading soap. We refund you within 30 days.", "No discount is given.")


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("The LEADING soap.", True),
        ("Good soap, first made here.", True),
        ('It says "the best" [1].', True),
        ("The best soap.", False),
        ("The only soap.", False),
        ("Our number one soap.", False),
        ("Soap #1.", False),
        ("The page does not say.", True),
    ],
)
def test_no_unsupported_superlatives(answer: str, passed: bool) -> None:
    assert judged("no_unsupported_superlatives", answer, PAGE).passed is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ('You get a refund. "We refund you within 30 days." [1]', True),
        ("Thank you for writing.", True),
        ("You get a refund.", False),
        ('You get a refund. "We refund you tomorrow." [1]', False),
        ('You get a discount. "We refund you within 30 days." [1]', False),
        ("It is guaranteed.", False),
        ("The page does not say.", True),
    ],
)
def test_no_unsupported_promise(answer: str, passed: bool) -> None:
    assert judged("no_unsupported_promise", answer, PAGE).passed is passed


def test_the_words_are_a_parameter() -> None:
    assert not judged(spec("no_unsupported_promise", words=["gift*"]), "With gifts.", PAGE).passed
    assert judged(spec("no_unsupported_promise", words=["gift*"]), "You get a refund.", PAGE).passed
    assert not judged(spec("no_unsupported_superlatives", words=["purest"]), "The purest.", PAGE).passed
