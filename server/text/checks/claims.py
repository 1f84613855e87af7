"""Cuts an answer into claims, and checks each beside the quotations that follow it. Listed in __init__."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from server.text.checks.answer import Answer, CheckSpec, MaybeTexts, Outcome, Share, Texts, whole_words
from server.text.grounding import Quotation

_PROOF = re.compile(r'"[^"\n]*"|\[\d{1,5}\]')
_WORD = re.compile(r"\w+")
_CLAIM_WORDS_MIN = 4  # fewer words after a quotation (`, Section 9.2.`) still belong to it
_MODALS = {  # in the order in which they are taken out of a text
    "a release": r"need not|needn't|(?:do|does|is|are) not (?:need|have|required|obliged|obligated)(?: to)?",
    "a ban": r"(?:shall|must|may|will|can|could) not|cannot|can't|won't|mustn't|(?:is|are) (?:prohibited|forbidden)"
    r"|(?:is|are) not (?:allowed|permitted)|(?:no|neither) \w+ (?:\w+ )?(?:shall|must|may|can|will)",
    "a duty": r"shall|must|ha(?:s|ve) to|(?:is|are) (?:required|obliged|obligated) to|needs? to",
    "a permission": r"may|can|(?:is|are) (?:allowed|permitted|entitled|free) to",
}
_KINDS = {kind: re.compile(rf"\b(?:{modals})\b", re.IGNORECASE) for kind, modals in _MODALS.items()}
_ASSOCIATION = whole_words(("associat*", "link*", "correlat*", "relationship", "tied to", "related to"))
_CAUSES = (
    "cause", "causes", "caused", "causing", "lead to", "leads to", "led to", "results in", "resulted in", "due to",
    "because of", "thanks to", "reduces", "reduced", "lowers", "lowered", "increases", "increased", "raises", "raised",
    "improves", "improved", "prevents", "prevented", "protects", "boosts", "boosted", "cures", "makes",
)  # fmt: skip
_NO_CAUSE = whole_words(("prove", "proves", "show that", "not cause", "not shown", "not mean", "whether"))
_NEGATED = whole_words(("not", "no", "cannot", "can't", "doesn't", "don't", "didn't", "unclear", "unknown"))


@dataclass(slots=True)
class Claim:
    """Own words of an answer, with the quotations and citations that follow them."""

    words: str
    quotes: list[Quotation] = field(default_factory=list)
    cites: bool = False

    @property
    def proof(self) -> str:
        """The verified quotations, a line for each."""
        return "\n".join(quote.text for quote in self.quotes if quote.verified)


class QuoteCoverage(CheckSpec):
    """At least this share of the claims has a verified quotation, or with `or_cites` the number of a block. The words
    up to a run of quotations are one claim, and so is the rest of a line; a draft is proven by its `From the page:`.
    """

    check: Literal["quote_coverage"] = "quote_coverage"
    at_least: Share = 0.8
    or_cites: bool = False
    ignore: MaybeTexts = ()  # closing lines, which claim nothing

    def run(self, answer: Answer) -> Outcome:
        found = [claim for claim in claims(answer) if claim.words.strip(" -*") not in self.ignore]
        proven = sum(bool(claim.proof) or (self.or_cites and claim.cites) for claim in found)
        if found and found[-1].proof and found[-1].words.startswith("From the page:"):
            return True, "The draft names the quotes that it uses."
        passed = bool(found) and proven >= self.at_least * len(found)
        return passed, f"{proven} of {len(found)} claims are proven by a quote."


class ModalFidelity(CheckSpec):
    """Where a quotation says shall, must, may or will not, the words beside it claim no other kind of rule: no duty of
    a permission, no permission of a ban. Words without such a verb are excused.
    """

    check: Literal["modal_fidelity"] = "modal_fidelity"

    def run(self, answer: Answer) -> Outcome:
        for claim in claims(answer):
            quoted = _rules(claim.proof)
            other = [kind for kind in _rules(claim.words) if quoted and kind not in quoted]
            if other:
                return False, f"The answer makes {other[0]} of what the quote states as {quoted[0]}."
        return True, "Duties, permissions and bans are those of the quotes."


class NoCausalUpgrade(CheckSpec):
    """Where a quotation only reports an association, the words beside it name no cause (`causes`, `lowers`), unless
    they deny that it is shown.
    """

    check: Literal["no_causal_upgrade"] = "no_causal_upgrade"
    causes: Texts = _CAUSES

    def run(self, answer: Answer) -> Outcome:
        causal = whole_words(self.causes)
        for claim in claims(answer):
            said = causal.search(claim.words)
            denied = _NO_CAUSE.search(claim.words) and _NEGATED.search(claim.words)
            if said and not denied and _ASSOCIATION.search(claim.proof) and not causal.search(claim.proof):
                return False, f"The answer says “{said[0]}”, the quote only reports an association."
        return True, "No association is told as a cause."


def claims(answer: Answer) -> list[Claim]:
    """The answer, cut behind each run of quotations and citations and at each line's end. A quotation on a line of its
    own belongs to the claim before. Headings, lines that end in a colon and the heads of tables claim nothing.
    """
    quotes = {quote.at: quote for quote in answer.quotes}
    found: list[Claim] = []
    for start, line in _claiming_lines(answer.text):
        at = 0
        for proof in [*_PROOF.finditer(line), None]:
            said = line[at : proof.start() if proof else len(line)]
            if len(_WORD.findall(said)) >= (1 if proof or not at else _CLAIM_WORDS_MIN):
                found.append(Claim(said))
            at = proof.end() if proof else len(line)
            if proof and found:
                quote = quotes.get(start + proof.start())
                found[-1].cites |= proof[0][0] == "["
                found[-1].quotes += [quote] if quote else []
    return found


def _claiming_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line that can claim something, with its offset."""
    lines = text.split("\n")
    start = 0
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        table_head = line.startswith("|") and "-" in below and not below.strip("|:- ")
        if not (table_head or line.startswith("#") or line.endswith((":", ":**"))):
            yield start, line
        start += len(line) + 1


def _rules(text: str) -> list[str]:
    found = []
    for kind, modals in _KINDS.items():
        text, times = modals.subn(" ", text)
        found += [kind] * bool(times)
    return found
