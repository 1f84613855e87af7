"""Checks of what an answer must and must not say. Listed in __init__."""

import re
from typing import Annotated, Literal

from pydantic import Field

from server.text.checks.answer import Answer, CheckSpec, Outcome

_Text = Annotated[str, Field(min_length=1, max_length=200)]
_Texts = Annotated[tuple[_Text, ...], Field(min_length=1, max_length=32, strict=False)]
_HEDGES = re.compile(
    r"\b(may|might|could|can help|can cause|suggest(?:s|ed|ive)?|appears?|seems?|likely|unlikely|possibl[ey]|perhaps"
    r"|probabl[ey]|uncertain|unclear|unknown|unproven|not (?:certain|clear|known|proven|enough|conclusive|sure)"
    r"|inconclusive|limited|preliminary|early|(?:small|one|single) (?:study|trial|sample)|only|linked|correlat\w+"
    r"|associat(?:ed|ion)|(?:cannot|can't|do(?:es)? not|doesn't|don't|did not) (?:prove|show|establish|tell|confirm)"
    r"|no (?:proof|evidence|data|control|comparison)|weak|low[- ]certainty|tentative|roughly|about|estimated?"
    r"|caution\w*)\b",
    re.IGNORECASE,
)
_VERDICT = re.compile(r"^\s*Verdict: [^.\n]{1,40}")


class MustEndWith(CheckSpec):
    """The answer ends with `text`: a closing line that readers can rely on. Abstentions are excused."""

    check: Literal["must_end_with"] = "must_end_with"
    text: _Text

    @property
    def label(self) -> str:
        return f"{self.check}: {self.text}"

    def run(self, answer: Answer) -> Outcome:
        if answer.text.rstrip().endswith(self.text):
            return True, f"The answer ends with “{self.text}”"
        return False, f"The answer does not end with “{self.text}”"


class MustSay(CheckSpec):
    """At least one of `any_of` stands in the answer, in any case of letters."""

    check: Literal["must_say"] = "must_say"
    any_of: _Texts

    @property
    def label(self) -> str:
        return f"{self.check}: {self.any_of[0]}"

    def run(self, answer: Answer) -> Outcome:
        said = next((text for text in self.any_of if text.casefold() in answer.text.casefold()), None)
        if said is None:
            return False, f"The answer does not say “{self.any_of[0]}”."
        return True, f"The answer says “{said}”."


class MustNotSay(CheckSpec):
    """None of `none_of` stands in the answer's own words as whole words; what it quotes is the page's business."""

    check: Literal["must_not_say"] = "must_not_say"
    none_of: _Texts

    @property
    def label(self) -> str:
        return f"{self.check}: {self.none_of[0]}"

    def run(self, answer: Answer) -> Outcome:
        for text in self.none_of:
            if re.search(rf"(?<!\w){re.escape(text)}(?!\w)", answer.own_words, re.IGNORECASE):
                return False, f"The answer says “{text}”."
        return True, "The answer says nothing of what it must not say."


class Hedged(CheckSpec):
    """The answer's own words show doubt: may, one small study, is linked with. The verdict word does not count."""

    check: Literal["hedged"] = "hedged"
    ignore: Annotated[tuple[_Text, ...], Field(max_length=8, strict=False)] = ()  # closing lines that prove nothing

    def run(self, answer: Answer) -> Outcome:
        own_words = _VERDICT.sub("", answer.own_words)
        for text in self.ignore:
            own_words = own_words.replace(text, "")
        hedge = _HEDGES.search(own_words)
        if hedge is None:
            return False, "The answer shows no doubt in its own words."
        return True, f"The answer is careful (“{hedge[0]}”)."
