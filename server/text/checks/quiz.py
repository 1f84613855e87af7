"""Checks of questions with options and keys: quizzes and flashcards. Listed in __init__."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from server.text.checks.answer import Answer, CheckSpec, Outcome, Share, Texts, count, fold
from server.text.grounding import find_whole

_OPTION = re.compile(r"[ *-]{0,8}\(?(?P<letter>[A-Ha-h])[.)] {1,4}(?P<text>\S.*)")
_LETTER = re.compile(r"\(?(?P<letter>[A-Ha-h])(?:[.):]|$)")
_ITEMS_MAX = 64  # further questions are not judged
_KEYS = ("Answer", "Correct answer", "Key", "A")


@dataclass(slots=True)
class Item:
    """A question: its options by letter, and its key, which is a text or the letter of an option."""

    options: list[tuple[str, str]] = field(default_factory=list)
    key: str = ""

    @property
    def key_text(self) -> str | None:
        """The text that the key stands for; None where no option has its letter."""
        letter = _LETTER.match(self.key) if self.options else None
        if letter is None:
            return self.key
        return next((text for name, text in self.options if name == letter["letter"].lower()), None)


class KeyInPage(CheckSpec):
    """At least this share of the keys (`Answer: …`, or the option whose letter it names) stands on the page as whole
    words, in any case. Options without a key fail; an answer without options and keys is excused.
    """

    check: Literal["key_in_page"] = "key_in_page"
    at_least: Share = 1.0
    labels: Texts = _KEYS

    def run(self, answer: Answer) -> Outcome:
        found = items(answer.text, self.labels)
        page = "\n".join(fold(block.text) for block in answer.page.blocks)
        if any(not item.key for item in found):
            return False, "A question has no key."
        good = sum(find_whole(fold(item.key_text or ""), page) >= 0 for item in found)
        return good >= self.at_least * len(found), f"{good} of {count(len(found), 'key', 'keys')} stand on the page."


class DistractorsValid(CheckSpec):
    """The options of each question are distinct, at least `fewest`, one of them is the key, and all have digits or none
    has. Whether a wrong option would be right too, no pattern can tell.
    """

    check: Literal["distractors_valid"] = "distractors_valid"
    fewest: Annotated[int, Field(ge=2, le=8)] = 3
    labels: Texts = _KEYS

    def run(self, answer: Answer) -> Outcome:
        for number, item in enumerate((item for item in items(answer.text, self.labels) if item.options), start=1):
            texts = [fold(text) for _, text in item.options]
            numeric = {any(char.isdigit() for char in text) for text in texts}
            if len(texts) < self.fewest or len(set(texts)) < len(texts):
                return False, f"Question {number} has too few options, or one twice."
            if fold(item.key_text or "") not in texts:
                return False, f"The key of question {number} is none of its options."
            if len(numeric) > 1:
                return False, f"Question {number} mixes numbers with words."
        return True, "The options are distinct and of one kind, and the key is one of them."


def items(text: str, labels: Texts) -> list[Item]:
    """The questions with options or a key. Option A, or any option behind a key, begins a new one."""
    prefixes = tuple(f"{label.casefold()}:" for label in labels)
    found: list[Item] = []
    for line in text.split("\n"):
        bare = line.strip(" *-")
        prefix = next((prefix for prefix in prefixes if bare.casefold().startswith(prefix)), None)
        option = _OPTION.match(line) if prefix is None else None
        if option:
            if not found or found[-1].key or (option["letter"] in "Aa" and found[-1].options):
                found.append(Item())
            found[-1].options.append((option["letter"].lower(), _bare(option["text"])))
        elif prefix is not None:
            if not found or found[-1].key:
                found.append(Item())
            found[-1].key = _bare(bare[len(prefix) :])
    return found[:_ITEMS_MAX]


def _bare(text: str) -> str:
    """Without marks around it, its full stop and the block that it cites."""
    text = text.rstrip()
    if text.endswith("]") and text[-8:].rpartition("[")[2][:-1].isdigit():
        text = text[: text.rindex("[")]
    return text.strip(" *\"“”'‘’.`")
