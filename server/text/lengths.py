"""Reads the lengths and numbers of pieces that a question asks for, and measures an answer against them.
Called by checks (`lengths_kept`). Pure text: knows no page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_NUMBER_WORDS = {
    word: number
    for number, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
_UNIT = r"(characters?|chars?\b\.?|letters?|words?)"
_COUNTED = (
    r"(headlines?|meta descriptions?|descriptions?|taglines?|slogans?|lines?|ads?|angles?|captions?|titles?"
    r"|subject lines?|bullets?|options?|variants?|versions?|posts?|calls? to action|ctas?|hooks?|ideas?)"
)
_COUNT = re.compile(rf"\b(\d{{1,2}}|{'|'.join(_NUMBER_WORDS)})\s+(?:[\w-]+\s+){{0,3}}?{_COUNTED}\b", re.IGNORECASE)
_KIND = re.compile(r"\b(headlines?|meta descriptions?|descriptions?)\b", re.IGNORECASE)
_NO_LIMITS: Mapping[str, int] = {}
_STRICT = re.compile(
    rf"(?:under|below|less than|fewer than|shorter than|<(?!=))\s*(\d{{1,4}})\s*-?{_UNIT}", re.IGNORECASE
)
_UP_TO = re.compile(rf"(\d{{1,4}})\s*-?\s*{_UNIT}", re.IGNORECASE)
_BARE = re.compile(
    r"(?:max(?:imum)?\.?|at most|up to|no more than|limit(?: of)?|<=|≤)\s*(\d{1,4})(?![\d%]|\s*[a-z])", re.IGNORECASE
)
_BARE_STRICT = re.compile(r"(?:under|below|<(?!=))\s*(\d{1,4})(?![\d%]|\s*[a-z])", re.IGNORECASE)
_AT_LEAST = re.compile(r"(?:at least|(?<!no )(?<!not )more than|over|min(?:imum)?\.?)\s*$", re.IGNORECASE)
_CLAUSE = re.compile(r"\band\b|\bplus\b|[;,](?!\d)|\.\s", re.IGNORECASE)
_NAME = re.compile(r"^(?:headline|meta description|description|tagline|option|angle|ad)(?: \d{1,2})?: ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Demand:
    """`count` pieces of at most `most` units; None where the question says nothing."""

    count: int | None
    most: int | None
    unit: Literal["characters", "words"] = "characters"


def demands(question: str, limits: Mapping[str, int] = _NO_LIMITS) -> list[Demand]:
    """What the question asks for, clause by clause: `three headlines, max 30 char, and one description`. `limits` are
    the characters of a kind of text where the question names none.
    """
    found: list[Demand] = []
    for clause in _CLAUSE.split(question):
        count, limit, kind = _count(clause), _limit(clause), _KIND.search(clause)
        default = limits.get(kind[1].lower().removesuffix("s")) if kind else None
        if limit and not kind and count is None and found:  # `…, max 30 characters` belongs to the clause before
            found[-1] = Demand(found[-1].count, *limit)
        elif limit:
            found.append(Demand(count, *limit))
        elif count is not None or default:
            found.append(Demand(count, default))
    return found


def pieces(answer: str) -> list[str]:
    """The texts to measure: lines with `- `, or all lines when there are none; names and sources left out."""
    lines = [line.strip() for line in answer.splitlines() if line.strip() and not line.startswith("From the page:")]
    listed = [line[2:].strip() for line in lines if line.startswith("- ")] or lines
    return [_NAME.sub("", re.sub(r"(?<!\s)\s*\[\d{1,5}\]$", "", line)) for line in listed]


def wrong_count(answer: str, question: str) -> str | None:
    """A sentence when the question says how many pieces and the answer has another number."""
    asked = [demand.count for demand in demands(question)]
    wanted = sum(count for count in asked if count is not None)
    found = len(pieces(answer))
    if not asked or None in asked or found == wanted:
        return None
    return f"{wanted} were asked for, the answer has {found}."


def too_long(answer: str, question: str, kinds: Mapping[str, int] = _NO_LIMITS) -> str | None:
    """A sentence about the first piece that is longer than asked. With counts, pieces are taken in order;
    without, each piece may be as long as the longest limit."""
    asked = demands(question, kinds)
    limits = [demand for demand in asked if demand.most is not None]
    if not limits:
        return None
    in_order = [demand for demand in asked if demand.count for _ in range(demand.count)]
    counted = all(demand.count for demand in asked)
    longest = max(limits, key=lambda demand: demand.most or 0)
    for at, piece in enumerate(pieces(answer)):
        demand = in_order[at] if counted and at < len(in_order) else longest
        length = len(piece.split()) if demand.unit == "words" else len(piece)
        if demand.most is not None and length > demand.most:
            return f"“{piece[:60]}” has {length} {demand.unit}; {demand.most} are allowed."
    return None


def _count(clause: str) -> int | None:
    for match in _COUNT.finditer(clause):
        for_each = re.match(r"\W*(each|per)\b", clause[match.end() :], re.IGNORECASE)
        if not for_each and not _is_limit(clause, match):
            return int(match[1]) if match[1].isdigit() else _NUMBER_WORDS[match[1].lower()]
    return None


def _is_limit(clause: str, match: re.Match[str]) -> bool:
    """`30 character headlines` counts characters, not headlines."""
    return re.match(rf"\d+\s*-?\s*{_UNIT}", clause[match.start() :], re.IGNORECASE) is not None


def _limit(clause: str) -> tuple[int, Literal["characters", "words"]] | None:
    strict = _STRICT.search(clause)
    if strict:
        return int(strict[1]) - 1, _unit(strict[2])
    for match in _UP_TO.finditer(clause):
        if not _AT_LEAST.search(clause[: match.start()]):
            return int(match[1]), _unit(match[2])
    bare = _BARE.search(clause)
    if bare:
        return int(bare[1]), "characters"
    under = _BARE_STRICT.search(clause)
    return (int(under[1]) - 1, "characters") if under else None


def _unit(word: str) -> Literal["characters", "words"]:
    return "words" if word.lower().startswith("word") else "characters"
