"""Keys that stand on the page, and options that make sense."""

import pytest

from tests.server.text.checks.judging import judged, page_of, spec

PAGE = page_of("The Nile flows into the Mediterranean Sea.", "It is 6,650 km long.")
OPTIONS = "1. Where does the Nile end?\nA) Red Sea\nB) Mediterranean Sea\nC) Black Sea\n"


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        (f"{OPTIONS}Answer: B", True),
        (f"{OPTIONS}Answer: B) Mediterranean Sea", True),
        (f"{OPTIONS}**Answer: (b)**\n{OPTIONS}Key: mediterranean sea.", True),
        ("Q: Where does it end?\nA: The Mediterranean Sea [1]", True),
        ('Q: How long is it?\n- Answer: "6,650 km" [2]', True),
        ("What do you think it means?", True),
        (f"{OPTIONS}Answer: A", False),
        (f"{OPTIONS}Answer: D", False),
        (OPTIONS, False),
        (f"{OPTIONS}{OPTIONS}Answer: B", False),
        ("Q: Where does it end?\nA: In the sea of sand", False),
        ("Q: What?\nA: editerranean", False),
        ("Q: What?\nA:", False),
        ("The page does not say.", True),
    ],
)
def test_key_in_page(answer: str, passed: bool) -> None:
    assert judged("key_in_page", answer, PAGE).passed is passed


def test_labels_and_share_of_keys_are_parameters() -> None:
    two = "Solution: Nile\nSolution: Rhine"

    assert judged(spec("key_in_page", labels=["Solution"], at_least=0.5), two, PAGE).passed
    assert not judged(spec("key_in_page", labels=["Solution"]), two, PAGE).passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        (f"{OPTIONS}Answer: B", True),
        (f"{OPTIONS}Answer: Mediterranean Sea", True),
        ("A) 1\nB) 2\nC) 3\nAnswer: A\nA) x\nB) y\nC) z\nAnswer: C", True),
        ("Q: Where?\nA: There.", True),
        ("A) Red Sea\nB) red sea\nC) Black Sea\nAnswer: C", False),
        ("A) Red Sea\nB) Black Sea\nAnswer: B", False),
        (f"{OPTIONS}Answer: D", False),
        (f"{OPTIONS}Answer: Dead Sea", False),
        (OPTIONS, False),
        ("A) 5 km\nB) long\nC) 6 km\nAnswer: A", False),
        ("The page does not say.", True),
    ],
)
def test_distractors_valid(answer: str, passed: bool) -> None:
    assert judged("distractors_valid", answer, PAGE).passed is passed


def test_the_number_of_options_is_a_parameter() -> None:
    assert judged(spec("distractors_valid", fewest=2), "A) yes\nB) no\nAnswer: B", PAGE).passed
