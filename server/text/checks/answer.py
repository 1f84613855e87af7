"""What every check is made of: an answer with its page, an outcome, and the model of a check's parameters.

The other modules of this folder build on it. Knows no tokens and no frames.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from server.text.grounding import Quotation, quotations
from server.text.page import Page

ABSTAIN = "The page does not say."
CLOSEST = "\nClosest: "  # the passage that comes closest, after an abstention
_QUOTED = re.compile(r'"[^"\n]*"')
_CITED = re.compile(r" ?\[\d{1,5}\]")
_WORD = re.compile(r"\w+")

Text = Annotated[str, Field(min_length=1, max_length=200)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1, max_length=64, strict=False)]
MaybeTexts = Annotated[tuple[Text, ...], Field(max_length=64, strict=False)]
Share = Annotated[float, Field(gt=0, le=1, strict=False)]
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
    def unproven_words(self) -> str:
        """The text with each verified quotation blanked: the rest is the answer's own responsibility."""
        verified = {quote.at for quote in self.quotes if quote.verified}
        return _QUOTED.sub(lambda quoted: " " * len(quoted[0]) if quoted.start() in verified else quoted[0], self.text)

    @cached_property
    def page_text(self) -> str:
        """Title and blocks, a line for each."""
        return "\n".join([self.page.title, *(block.text for block in self.page.blocks)])

    @cached_property
    def known_words(self) -> frozenset[str]:
        """The words of the page and of the question, in lower case."""
        return frozenset(words(f"{self.page_text}\n{self.page.url}\n{self.question}"))

    @cached_property
    def abstains(self) -> bool:
        return abstains(self.text)


class CheckSpec(BaseModel, ABC):
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

    @abstractmethod
    def run(self, answer: Answer) -> Outcome: ...


def abstains(answer: str) -> bool:
    """An answer that says the page does not say it, and quotes nothing but what comes closest."""
    return ABSTAIN in answer and '"' not in answer.partition(CLOSEST)[0]


def words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


@lru_cache(maxsize=256)
def whole_words(texts: tuple[str, ...]) -> re.Pattern[str]:
    """Any of `texts` as whole words, in any case; one that ends in `*` stands for all words that begin so."""
    either = "|".join(re.escape(text.removesuffix("*")) + r"\w*" * text.endswith("*") for text in texts)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)


def without_citations(text: str) -> str:
    return _CITED.sub("", text)


def fold(text: str) -> str:
    return " ".join(text.casefold().split())


def count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
