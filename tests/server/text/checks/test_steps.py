"""Headings in order and numbered steps."""

import pytest

from tests.server.text.checks.judging import judged, page_of, spec

PAGE = page_of("Open the lid.")


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("Result: it works.\nLimits: few.", True),
        ("## Result\nIt works.\n\n## Limits\nFew.", True),
        ("- **Result** it works\n- **Limits**: few", True),
        ("1. result\n2. LIMITS", True),
        ("Limits: few.\nResult: it works.", False),
        ("Result: it works.", False),
        ("Results: many.\nLimits: few.", False),
        ("The Result and the Limits.", False),
        ("The page does not say.", True),
    ],
)
def test_required_slots(answer: str, passed: bool) -> None:
    assert judged("required_slots", answer, PAGE).passed is passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ("1. Open the lid.\n2. Press the button.", True),
        ('- 1. Open the lid: "Open the lid." [1]\n- 2. Press it.', True),
        ("Before you begin:\n1) Open the lid.\n2) If it blinks, press it.", True),
        ("Step 1: Open the lid.\nStep 2: Press it.", True),
        ("Open the lid, press the button.", False),
        ("1. Open the lid.\n3. Press the button.", False),
        ("1. The lid opens.\n2. Press it.", False),
        ("1. Open the lid, then press it.", False),
        ("1. Open the lid and then press it.", False),
        ('1. "Open the lid." [1]\n3. x', False),
        ("The page does not say.", True),
    ],
)
def test_numbered_steps(answer: str, passed: bool) -> None:
    assert judged("numbered_steps", answer, PAGE, "How do I open it?").passed is passed


def test_steps_are_wanted_only_where_they_are_asked_for() -> None:
    assert judged("numbered_steps", "It is blue.", PAGE, "Which colour?").passed
    assert not judged(spec("numbered_steps", when_asked=["recipe"]), "Mix it.", PAGE, "The recipe?").passed
