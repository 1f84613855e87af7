"""Arithmetic, units and periods."""

import pytest

from tests.server.text.checks.judging import judged, page_of, spec

PAGE = page_of("It costs $30 per month, or €250 a year.", "The pump moves 6.1 to 7.5 litres; it weighs 12 kg.",
               "Room 14 has 3 beds.", "One 12 kg box")  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("12 × $30 = $360", True),
        ("$1,204.50 + $95.50 = $1,300", True),
        ("2 + 3 x 4 = 14", True),
        ("10 / 3 = 3.33", True),
        ("10 ÷ 200 = 5%", True),
        ("$200 × 5% = $10", True),
        ("100 - 30 - 20 ≈ 50", True),
        ("12 months x 30 dollars = 360 dollars", True),
        ("(60 - 50) / 50 × 100 = 20", True),
        ("Nothing to add up.", True),
        ("12 × $30 = $350", False),
        ("2 + 3 = 6", False),
        ("10 / 3 = 3.4", False),
        ("10 / 0 = 0", False),
        ("10 ÷ 200 = 6%", False),
        ("1.2.3 + 1 = 2", False),
        ("The page does not say.", True),
    ],
)
def test_arithmetic_valid(answer: str, passed: bool) -> None:
    assert judged("arithmetic_valid", answer, PAGE).passed is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("It is $30 a month.", True),
        ("It is 30 dollars, every month.", True),
        ("It moves 6.1 to 7.5 litres.", True),
        ("It is a 12-kg box in room 14.", True),
        ("1. Room 14", True),
        ("It says \"$30\" [1].", True),
        ("It is 99.", True),
        ("It is 30 a month.", False),
        ("It is $30.", False),
        ("It weighs 12.", False),
        ("It is €250 plus tax.", False),
        ("The page does not say.", True),
    ],
)  # fmt: skip
def test_unit_period_present(answer: str, passed: bool) -> None:
    assert judged("unit_period_present", answer, PAGE).passed is passed


def test_the_result_of_a_right_sum_may_be_new() -> None:
    with_sums = spec("numbers_on_page", sums=True)

    assert judged(with_sums, "12 × $30 = $360", PAGE).passed
    assert judged(with_sums, "$360 in all: 12 × $30 = $360", PAGE).passed
    assert not judged(with_sums, "12 × $30 = $350", PAGE).passed
    assert not judged(with_sums, "$360 in all", PAGE).passed
    assert not judged(with_sums, "7 × $30 = $210", PAGE).passed
    assert not judged("numbers_on_page", "12 × $30 = $360", PAGE).passed
