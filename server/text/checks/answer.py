"""What every check is made of: an answer with its page, an outcome, and the model of a check's parameters.

The other modules of this folder build on it. Knows no tokens and no frames.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from server.text.grounding import Quotation, quotations
from server.text.page import Page

ABSTAIN = "The page does not say."
CLOSEST = "\nClosest: "  # the passage that comes closest, after an abstention
_QUOTED = re.compile(r'"[^"\n]*"')
_CITED = re.compile(r" ?\[\d{1,5}\]")

Outcome = tuple[bool, str]  # passed, and one sentence for people


@dataclass(frozen=True)
class Answer:
    """An answer to `question` about `page`; what several checks look at is worked out once."""

    text: str
    page: Page
    question: str

    @cached_property
    def quotes(self) -> list[Quotation]:
        return quotations(self.text, self.page)

    @cached_property
    def own_words(self) -> str:
        """The text with each quotation blanked: offsets stay the same."""
        return _QUOTED.sub(lambda quoted: " " * len(quoted[0]), self.text)

    @cached_property
    def abstains(self) -> bool:
        return abstains(self.text)


class CheckSpec(BaseModel):
    """One check of a copilot, with its parameters, as it stands in TOML: `{check = "must_say", text = "…"}`.

    A subclass names itself by the `check` field, says in its docstring what it holds an answer to, and judges in `run`.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    check: str
    when_abstaining: ClassVar[bool] = False  # whether an answer that abstains is held to it too

    @property
    def label(self) -> str:
        """Its name in badges and reports, unique within a copilot."""
        return self.check

    def run(self, answer: Answer) -> Outcome:
        raise NotImplementedError


def abstains(answer: str) -> bool:
    """An answer that says the page does not say it, and quotes nothing but what comes closest."""
    return ABSTAIN in answer and '"' not in answer.partition(CLOSEST)[0]


def without_citations(text: str) -> str:
    return _CITED.sub("", text)


def fold(text: str) -> str:
    return " ".join(text.casefold().split())


def count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
