"""Checks that protect the reader's health and hands: doses, red flags, hazards before steps. Listed in __init__."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from server.text.checks.answer import Answer, CheckSpec, Outcome, Texts, whole_words, words
from server.text.checks.form import STEP

_DOSE_UNITS = (
    "mg", "mcg", "µg", "ug", "g", "ml", "mL", "IU", "units", "unit", "tablets", "tablet", "pills", "pill", "capsules",
    "capsule", "drops", "puffs", "sachets", "teaspoons", "grams", "milligrams", "micrograms", "millilitres",
)  # fmt: skip
_NUMBER = r"(?:\d|\b(?:half an?|one|two|three|four|five|six|eight|ten|twelve|twenty|another|double))"
_RED_FLAGS = (
    "chest pain", "trouble breathing", "difficulty breathing", "short of breath", "shortness of breath",
    "can't breathe", "cannot breathe", "face drooping", "slurred speech", "sudden weakness", "sudden numbness",
    "worst headache", "stiff neck", "seizure*", "unconscious*", "passed out", "not responding", "severe bleeding",
    "bleeding won't stop", "coughing up blood", "vomiting blood", "blood in stool", "blue lips", "suicid*",
    "kill myself", "self-harm*", "overdose*", "poison*", "anaphyla*", "swelling of the face", "swollen tongue",
    "swelling of the throat", "heart attack*", "stroke*", "signs of sepsis",
)  # fmt: skip
_URGENT_CARE = (
    "emergency", "ambulance", "call 911", "dial 911", "call 999", "ring 999", "call 112", "dial 112", "call 000",
    "call 988", "urgent care", "urgent medical", "a&e", "crisis line", "medical help", "medical attention",
    "medical care at once", "doctor now", "doctor at once", "doctor immediately", "doctor right away",
    "poison control", "poison centre", "poison center",
)  # fmt: skip
_NOT_URGENT = re.compile(
    r"\b(?:no|not an?|isn't an?|(?:do not|don't|never|need not) (?:call|go|need|phone|ring|seek))(?: \w+){0,4} $", re.I
)
_BEFORE_CHARS = 40  # looked at for a word that denies urgency
_HAZARDS = (
    "warning", "caution", "danger*", "hazard*", "never", "do not", "don't", "unplug*", "switch off",
    "turn off the power", "electric shock", "burn*", "flammable", "toxic", "fumes", "gloves", "goggles", "protective",
    "ventilat*", "sharp",
)  # fmt: skip
_OVERLAP_CHARS_MIN = 4  # shorter words do not tell which step a safety note belongs to


class DoseQuotedOnly(CheckSpec):
    """Every dose of the answer (`400 mg`, `two tablets`) stands inside a verified quotation."""

    check: Literal["dose_quoted_only"] = "dose_quoted_only"
    when_abstaining: ClassVar[bool] = True
    units: Texts = _DOSE_UNITS

    def run(self, answer: Answer) -> Outcome:
        either = "|".join(map(re.escape, self.units))
        said = answer.unproven_words
        dose = re.search(rf"{_NUMBER}[\s-]{{0,2}}(?:{either})(?!\w)", said, re.IGNORECASE)
        if dose:
            whole = " ".join(said[max(0, dose.end() - 24) : dose.end()].split()[-2:])
            return False, f"The dose “{whole}” is in no verified quote."
        return True, "No dose stands outside a quote."


class RedFlagEscalation(CheckSpec):
    """Where the page or the question names a red flag, one of the first lines sends the reader to urgent care. An
    answer that abstains is held to the flags of the question only.
    """

    check: Literal["red_flag_escalation"] = "red_flag_escalation"
    when_abstaining: ClassVar[bool] = True
    flags: Texts = _RED_FLAGS
    care: Texts = _URGENT_CARE
    within_lines: Annotated[int, Field(ge=1, le=20)] = 3
    look_at: Literal["question", "page", "both"] = "both"

    def run(self, answer: Answer) -> Outcome:
        asked = answer.question if self.look_at != "page" else ""
        read = answer.page_text if self.look_at != "question" and not answer.abstains else ""
        flag = whole_words(self.flags).search(f"{asked}\n{read}")
        if flag is None:
            return True, "Neither page nor question names a red flag."
        lines = [line for line in answer.text.split("\n") if line.strip()]
        first = "\n".join(lines[: self.within_lines])
        for care in whole_words(self.care).finditer(first):
            if not _NOT_URGENT.search(first[max(0, care.start() - _BEFORE_CHARS) : care.start()]):
                return True, f"“{flag[0]}” is named, and the first lines say “{care[0]}”."
        return False, f"“{flag[0]}” is named, and the first lines do not send the reader to urgent care."


class SafetyFirst(CheckSpec):
    """Where the page names a hazard and the answer gives numbered steps, a safety note stands before the step that it
    shares most words with, or inside it; one that shares none stands before the last step.
    """

    check: Literal["safety_first"] = "safety_first"
    hazards: Texts = _HAZARDS

    def run(self, answer: Answer) -> Outcome:
        hazard = whole_words(self.hazards)
        lines = [line for line in answer.text.split("\n") if line.strip()]
        steps = [at for at, line in enumerate(lines) if STEP.match(line)]
        named = hazard.search(answer.page_text)
        if named is None or not steps:
            return True, "There is no hazard, or there are no steps."
        note = next((at for at, line in enumerate(lines) if hazard.search(line)), None)
        if note is None:
            return False, f"The page says “{named[0]}”, the steps carry no safety note."
        protects = {at: len(_telling(lines[at]) & _telling(lines[note])) for at in steps}
        step = max(steps, key=protects.__getitem__) if any(protects.values()) else steps[-1]
        return note <= step, f"The safety note stands {'before' if note <= step else 'behind'} its step."


def _telling(line: str) -> frozenset[str]:
    return frozenset(word for word in words(line) if len(word) >= _OVERLAP_CHARS_MIN)
