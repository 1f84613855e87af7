"""Made norms for pretraining: a copilot's rules in a few words, some of which change the answer.

A base that has only seen bare questions loses the question behind a copilot's norms. So a part of the
questions stands behind norms here, and those that name a form, an opening or a closing are followed.
"""

import random
from dataclasses import dataclass

BARE, NUMBER = "bare", "number"  # a quotation; the block's number alone
SAID, THEN, SECTION = "said", "then", "section"  # said before the quotation; behind it; behind it and its section
SHARE = 0.45  # of questions that stand behind norms
_FIELDS = (
    "Contract review", "Health check", "Ad copy", "News reading", "Recipe help", "Tenancy help", "Tax notes",
    "Paper digest", "Travel desk", "Product compare", "Privacy check", "Job match", "Lesson plan", "Code notes",
    "Security check", "Sales notes", "Support reply", "Grant review", "Museum guide", "Garden help",
)  # fmt: skip
_RULES = (
    "keep every number as the page has it", "use plain words", "no jargon", "be brief", "name who must do what",
    "say how sure the page is", "keep may and shall apart", "no advice of your own", "prefer the newest date",
    "one point for each line", "never guess a price", "say what a reader should check",
    "answer what was asked", "write for a busy reader", "leave brand names as they are", "no exclamation marks",
)  # fmt: skip
_FORMS = {
    BARE: ("Quote it.", "Answer with a quotation.", "Quotation first."),
    NUMBER: ("Name the block only.", "Give the block number, nothing else."),
    SAID: ("Say it, then quote it.", "Answer first, then the quotation.", "State it and prove it with a quotation."),
    THEN: ("Quote it, then say it.", "Quotation first, then in your words.", "Quote the page, then answer."),
    SECTION: (
        "Quote it, name its section, say it.",
        "Quote the clause and name its section.",
        "Quotation, section, then in your words.",
    ),
}
_CLOSINGS = (
    "Not legal advice.", "Ask your pharmacist.", "Check the date.", "Not a diagnosis.", "Prices may change.",
    "Read the whole page.", "Ask a professional.", "This is no recommendation.", "See the source.",
    "Sources are on the page.", "Not tax advice.", "Talk to your doctor.",
    "Subject to change.", "For guidance only.",
)  # fmt: skip
_OPENINGS = ("In short:", "From the page:", "Answer:", "As stated:", "Here it is:")


@dataclass(frozen=True, slots=True)
class Norms:
    """`text` is what stands before the question; the rest is what an answer must do to follow it."""

    text: str = ""
    form: str = BARE
    opening: str = ""
    closing: str = ""

    def applied(self, answer: str) -> str:
        return f"{self.opening} {answer}".strip() + (f"\n{self.closing}" if self.closing else "")


def made_norms(choose: random.Random) -> Norms:
    """Two to five short rules under a field's name; none for the rest of the questions."""
    if choose.random() > SHARE:
        return Norms()
    form = choose.choice((BARE, BARE, NUMBER, SAID, THEN, THEN, SECTION, SECTION))
    opening = choose.choice(_OPENINGS) if choose.random() < 0.15 else ""
    closing = choose.choice(_CLOSINGS) if choose.random() < 0.4 else ""
    rules = choose.sample(_RULES, choose.randint(1, 4))
    text = f"{choose.choice(_FIELDS)}: {', '.join(rules)}. {choose.choice(_FORMS[form])}"
    if opening:
        text += f" Begin with: {opening}"
    if closing:
        text += f" End with: {closing}"
    return Norms(text, form, opening, closing)
