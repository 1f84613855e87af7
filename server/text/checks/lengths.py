"""Checks of pieces and their lengths, counts, likeness and reading level. Listed in __init__."""

import re
from itertools import combinations
from statistics import mean
from typing import Annotated, Literal

from pydantic import Field

from server.text.checks.answer import Answer, CheckSpec, Outcome, Share, count, without_citations, words
from server.text.lengths import pieces, too_long, wrong_count

_PIECES_MAX = 32  # compared with each other
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")
_VOWELS = re.compile(r"[aeiouy]+")
_GRADE_ASKED = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?[- ]grade|\bgrade (\d{1,2})\b", re.IGNORECASE)
_WORDS_MIN = 20  # fewer say nothing about the reading level


class LengthsKept(CheckSpec):
    """The answer has as many pieces as the question asks for, none longer than it allows; `limits` are the characters
    of a `headline`, `description` or `meta description` where the question names none.
    """

    check: Literal["lengths_kept"] = "lengths_kept"
    limits: dict[str, Annotated[int, Field(ge=1, le=10_000)]] = Field(default={}, max_length=8)

    def run(self, answer: Answer) -> Outcome:
        text = answer.text
        complaint = wrong_count(text, answer.question) or too_long(text, answer.question, self.limits)
        if complaint:
            return False, complaint
        return True, f"{count(len(pieces(text)), 'piece keeps', 'pieces keep')} to the length asked for."


class DistinctVariants(CheckSpec):
    """The pieces of the answer differ: their words' mean Jaccard index, pair by pair, is at most `at_most`."""

    check: Literal["distinct_variants"] = "distinct_variants"
    at_most: Share = 0.6

    def run(self, answer: Answer) -> Outcome:
        sets = [set(words(piece)) for piece in pieces(answer.text)[:_PIECES_MAX]]
        pairs = [len(one & other) / max(1, len(one | other)) for one, other in combinations(sets, 2)]
        likeness = mean(pairs) if pairs else 0.0
        return likeness <= self.at_most, f"The pieces share {likeness:.0%} of their words."


class ReadabilityGrade(CheckSpec):
    """The answer's own words read at the Flesch-Kincaid grade that the question names (`8th-grade`), else `grade`,
    plus at most `slack`. Syllables are counted as groups of vowels; fewer than 20 words are not judged.
    """

    check: Literal["readability_grade"] = "readability_grade"
    grade: Annotated[int, Field(ge=1, le=20)] | None = None
    slack: Annotated[float, Field(ge=0, le=5, strict=False)] = 1.0

    def run(self, answer: Answer) -> Outcome:
        asked = _GRADE_ASKED.search(answer.question)
        most = int(asked[1] or asked[2]) if asked else self.grade
        grade = flesch_kincaid(without_citations(answer.own_words))
        if most is None or grade is None:
            return True, "No reading level is asked for, or the answer is too short to judge."
        return grade <= most + self.slack, f"The answer reads at grade {grade:.0f}; {most} was asked for."


def flesch_kincaid(text: str) -> float | None:
    """The grade level of a text; None when it is too short."""
    spoken = [word for word in words(text) if word[0].isalpha()]
    if len(spoken) < _WORDS_MIN:
        return None
    sentences = sum(bool(words(part)) for part in _SENTENCE_END.split(text))
    syllables = sum(map(_syllables, spoken))
    return 0.39 * len(spoken) / max(1, sentences) + 11.8 * syllables / len(spoken) - 15.59


def _syllables(word: str) -> int:
    silent = word.endswith(("e", "es", "ed")) and not word.endswith(("le", "ted", "ded", "ses", "ces", "ges", "zes"))
    return max(1, len(_VOWELS.findall(word)) - silent)
