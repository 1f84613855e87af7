"""Checks of numbers. Listed in __init__."""

import re
from typing import ClassVar, Literal

from server.text.checks.answer import Answer, CheckSpec, Outcome, without_citations

_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_ENUMERATOR = re.compile(
    r"^(?:- )?(?:(?:headline|description|option|angle|ad|variant|version|line) )?\d{1,2}[.:)] ", re.I | re.M
)


class NumbersOnPage(CheckSpec):
    """Every number of the answer stands on the page or in the question; the numbers of list points are excused."""

    check: Literal["numbers_on_page"] = "numbers_on_page"
    when_abstaining: ClassVar[bool] = True

    def run(self, answer: Answer) -> Outcome:
        page = answer.page
        known = set(numbers(" ".join([page.title, answer.question, *(block.text for block in page.blocks)])))
        said = numbers(_ENUMERATOR.sub("", without_citations(answer.text)))
        invented = [number for number in said if number not in known]
        if invented:
            return False, f"The number {invented[0]} is not on the page."
        return True, "Every number stands on the page."


def numbers(text: str) -> list[str]:
    """1,204 and 1204 are the same number; so are 4.90 and 4.9."""
    found = []
    for raw in _DIGITS.findall(text):
        plain = raw.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", raw) else raw.replace(",", ".")
        found.append(plain.rstrip("0").rstrip(".") if plain.count(".") == 1 else plain)
    return found
