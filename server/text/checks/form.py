"""The six forms of an answer, parsed, and the checks of its form: one of the six, slots, steps. Listed in __init__.

    fact      Conclusion in one line. "quote" [n]
    list      - Label or short gloss: "quote" [n]        one to six points
    table     a Markdown table whose last column is the quote with its block
    verdict   Verdict: WORD. One sentence of reason. "quote" [n]
    draft     the text asked for, an empty line, then: From the page: "quote" [n]
    summary   two to four sentences, each with [n]

A fixed closing line may follow any of them.
"""

import re
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from server.text.checks.answer import Answer, CheckSpec, Outcome, Texts, whole_words, words

Form = Literal["fact", "list", "table", "verdict", "draft", "summary"]
FORMS: tuple[Form, ...] = get_args(Form)
POINTS_MAX = 6
_QUOTE = r'"[^"\n]{1,2000}" \[\d{1,5}\]'
_POINT = re.compile(rf'- [^"\n]{{1,200}}: {_QUOTE}')
_ROW = re.compile(r"\|[^\n]+\|")
_RULE = re.compile(r"\|(?: ?:?-+:? ?\|)+")
_CELL = re.compile(rf"\| ?{_QUOTE} ?\|$")
_SOURCES = re.compile(rf"From the page:(?: {_QUOTE}){{1,4}}")
_WORD = r"[A-Za-z][A-Za-z -]{0,30}"
_VERDICT = re.compile(rf'Verdict: (?P<word>{_WORD})\. [^"\n]{{1,400}}[.?!](?: {_QUOTE}){{1,3}}')
_FACT = re.compile(rf'[^"\n]{{1,400}}[.?!](?: {_QUOTE}){{1,3}}')
_SENTENCE = re.compile(r'[^\["\n]{3,600}(?:\[\d{1,5}\] ?){1,4}[.?!]? ?')

STEP = re.compile(r"(?:- )?(?:\*\*)?(?:step )?(?P<number>\d{1,2})[.):] +(?=\S)", re.I)  # at a line's start
_ASKS_FOR_STEPS = (
    "steps", "step by step", "step-by-step", "how do i", "how can i", "how to", "procedure", "instructions", "in order",
)  # fmt: skip
_NO_IMPERATIVE = frozenset(
    "the a an this that these those it its you your we our i they he she there here is are was were will".split()
)
_AND_THEN = re.compile(r"[;,.] ?then |\band then\b", re.IGNORECASE)


class HasForm(CheckSpec):
    """The answer has one of the forms in `one_of`; a verdict's word is one of `verdicts`, and `closing` may follow."""

    check: Literal["form"] = "form"
    one_of: Annotated[tuple[Form, ...], Field(min_length=1, max_length=6, strict=False)]
    verdicts: Annotated[tuple[str, ...], Field(max_length=8, strict=False)] = ()
    closing: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _verdicts_are_named(self) -> "HasForm":
        if ("verdict" in self.one_of) != bool(self.verdicts):
            raise ValueError("`verdicts` names the words of the form `verdict`, and only of that form")
        return self

    def run(self, answer: Answer) -> Outcome:
        text = answer.text.strip().removesuffix(self.closing).rstrip() if self.closing else answer.text.strip()
        found = form_of(text)
        if found not in self.one_of:
            return False, f"The answer is no {' or '.join(self.one_of)}."
        if found == "verdict" and verdict_of(text) not in self.verdicts:
            return False, f"The verdict is not one of: {', '.join(self.verdicts)}."
        return True, f"The answer is a {found}."


class RequiredSlots(CheckSpec):
    """Each heading of `slots` begins a line of the answer (`Limits: …`, `## Limits`), in this order."""

    check: Literal["required_slots"] = "required_slots"
    slots: Texts

    def run(self, answer: Answer) -> Outcome:
        lines = iter([line.lstrip("#*-|>0123456789.) ").casefold() for line in answer.text.split("\n")])
        for slot in self.slots:  # `any` moves on in the lines, so the order counts
            if not any(line.startswith(slot.casefold()) and not line[len(slot) :][:1].isalnum() for line in lines):
                return False, f"The heading “{slot}” is missing or out of order."
        return True, "Every heading is there, in order."


class NumberedSteps(CheckSpec):
    """An answer to a question for steps (one of `when_asked`) numbers them 1, 2, 3; each is one instruction: it begins
    with no pronoun or article, and does not go on with `then`.
    """

    check: Literal["numbered_steps"] = "numbered_steps"
    when_asked: Texts = _ASKS_FOR_STEPS

    def run(self, answer: Answer) -> Outcome:
        if not whole_words(self.when_asked).search(answer.question):
            return True, "The question asks for no steps."
        lines = answer.own_words.split("\n")
        steps = [(int(step["number"]), line[step.end() :]) for line in lines if (step := STEP.match(line))]
        if not steps or [number for number, _ in steps] != list(range(1, len(steps) + 1)):
            return False, "The steps are not numbered 1, 2, 3."
        for number, action in steps:
            if not words(action) or words(action)[0] in _NO_IMPERATIVE or _AND_THEN.search(action):
                return False, f"Step {number} is not one instruction."
        return True, f"{len(steps)} steps, each one instruction."


def form_of(text: str) -> Form | None:
    """The form of an answer without its closing line; None when it has none of the six."""
    lines = text.split("\n")
    if _SOURCES.fullmatch(lines[-1]):
        return "draft" if len(lines) > 2 and lines[-2] == "" and '"' not in "".join(lines[:-1]) else None
    if len(lines) <= POINTS_MAX and all(map(_POINT.fullmatch, lines)):
        return "list"
    if _is_table(lines):
        return "table"
    if len(lines) > 1:
        return None
    if text.startswith("Verdict:"):
        return "verdict" if _VERDICT.fullmatch(text) else None
    if _FACT.fullmatch(text):
        return "fact"
    end, sentences = 0, 0
    while sentences < 4 and (sentence := _SENTENCE.match(text, end)):
        end, sentences = sentence.end(), sentences + 1
    return "summary" if sentences and end == len(text) else None


def verdict_of(text: str) -> str | None:
    found = _VERDICT.fullmatch(text)
    return found["word"] if found else None


def _is_table(lines: list[str]) -> bool:
    """A head, a rule and rows of equally many cells, each of which ends in a quotation."""
    if len(lines) < 3 or not all(map(_ROW.fullmatch, lines)) or not _RULE.fullmatch(lines[1]):
        return False
    columns = lines[0].count("|")
    return all(line.count("|") == columns and _CELL.search(line) for line in lines[2:])
