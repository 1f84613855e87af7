"""The check of lengths and counts that a question asks for. Listed in __init__."""

from typing import Literal

from server.text.checks.answer import Answer, CheckSpec, Outcome, count
from server.text.lengths import pieces, too_long, wrong_count


class LengthsKept(CheckSpec):
    """The answer has as many pieces as the question asks for, none longer than it allows."""

    check: Literal["lengths_kept"] = "lengths_kept"

    def run(self, answer: Answer) -> Outcome:
        complaint = wrong_count(answer.text, answer.question) or too_long(answer.text, answer.question)
        if complaint:
            return False, complaint
        return (
            True,
            f"{count(len(pieces(answer.text)), 'piece keeps', 'pieces keep')} to the length asked for.",
        )
