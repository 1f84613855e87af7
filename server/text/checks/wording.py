"""Checks of what an answer must and must not say. Listed in __init__."""

import re
from typing import Literal

from server.text.checks.answer import Answer, CheckSpec, MaybeTexts, Outcome, Text, Texts, whole_words

_HEDGES = re.compile(
    r"\b(may|might|could|can help|can cause|suggest(?:s|ed|ive)?|appears?|seems?|likely|unlikely|possibl[ey]|perhaps"
    r"|probabl[ey]|uncertain|unclear|unknown|unproven|not (?:certain|clear|known|proven|enough|conclusive|sure)"
    r"|inconclusive|limited|preliminary|early|(?:small|one|single) (?:study|trial|sample)|only|linked|correlat\w+"
    r"|associat(?:ed|ion)|(?:cannot|can't|do(?:es)? not|doesn't|don't|did not) (?:prove|show|establish|tell|confirm)"
    r"|no (?:proof|evidence|data|control|comparison)|weak|low[- ]certainty|tentative|roughly|about|estimated?"
    r"|caution\w*)\b",
    re.IGNORECASE,
)
_SUPERLATIVES = (
    "best", "the only", "the first", "number one", "no. 1", "#1", "top-rated", "leading", "fastest", "cheapest",
    "largest", "biggest", "greatest", "finest", "safest", "strongest", "easiest", "unrivalled", "unrivaled",
    "unmatched", "unbeatable", "ultimate", "world-class", "like no other",
)  # fmt: skip
_PROMISES = (
    "refund*", "money back", "money-back", "discount*", "guarantee*", "warrant*", "voucher*", "compensat*", "reimburs*",
    "free of charge", "credited", "replacement*", "tomorrow", "next week", "by the end of", "right away",
)  # fmt: skip
_VERDICT = re.compile(r"^\s*Verdict: [^.\n]{1,40}")


class MustEndWith(CheckSpec):
    """The answer ends with `text`: a closing line that readers can rely on. Abstentions are excused."""

    check: Literal["must_end_with"] = "must_end_with"
    text: Text

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
    any_of: Texts

    @property
    def label(self) -> str:
        return f"{self.check}: {self.any_of[0]}"

    def run(self, answer: Answer) -> Outcome:
        said = next((text for text in self.any_of if text.casefold() in answer.text.casefold()), None)
        if said is None:
            return False, f"The answer does not say “{self.any_of[0]}”."
        return True, f"The answer says “{said}”."


class MustNotSay(CheckSpec):
    """None of `none_of` stands in the answer's own words, as whole words or as stems (`cure*`); what it quotes is the
    page's business.
    """

    check: Literal["must_not_say"] = "must_not_say"
    none_of: Texts

    @property
    def label(self) -> str:
        return f"{self.check}: {self.none_of[0]}"

    def run(self, answer: Answer) -> Outcome:
        said = whole_words(self.none_of).search(answer.own_words)
        if said:
            return False, f"The answer says “{said[0]}”."
        return True, "The answer says nothing of what it must not say."


class NoUnsupportedSuperlatives(CheckSpec):
    """A superlative of the answer's own words (best, the only, leading) stands on the page too."""

    check: Literal["no_unsupported_superlatives"] = "no_unsupported_superlatives"
    words: Texts = _SUPERLATIVES

    def run(self, answer: Answer) -> Outcome:
        return _supported(self.words, answer.own_words, answer.page_text, "the page")


class NoUnsupportedPromise(CheckSpec):
    """A promise of the answer's own words (refund, discount, guarantee, tomorrow) stands in a verified quote too."""

    check: Literal["no_unsupported_promise"] = "no_unsupported_promise"
    words: Texts = _PROMISES

    def run(self, answer: Answer) -> Outcome:
        quoted = "\n".join(quote.text for quote in answer.quotes if quote.verified)
        return _supported(self.words, answer.own_words, quoted, "a quote")


class Hedged(CheckSpec):
    """The answer's own words show doubt: may, one small study, is linked with. The verdict word does not count."""

    check: Literal["hedged"] = "hedged"
    ignore: MaybeTexts = ()  # closing lines that prove nothing

    def run(self, answer: Answer) -> Outcome:
        own_words = _VERDICT.sub("", answer.own_words)
        for text in self.ignore:
            own_words = own_words.replace(text, "")
        hedge = _HEDGES.search(own_words)
        if hedge is None:
            return False, "The answer shows no doubt in its own words."
        return True, f"The answer is careful (“{hedge[0]}”)."


def _supported(texts: Texts, said: str, proof: str, what: str) -> Outcome:
    proven = [text for text in map(whole_words, zip(texts, strict=True)) if text.search(proof)]
    for found in sorted({found[0].casefold() for found in whole_words(texts).finditer(said)}):
        if not any(text.fullmatch(found) for text in proven):
            return False, f"The answer says “{found}”, {what} does not."
    return True, f"What the answer promises or praises stands in {what}."
