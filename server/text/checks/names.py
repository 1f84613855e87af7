"""Checks of what an answer names: people, firms, products, identifiers, speakers. Listed in __init__."""

import re
from collections.abc import Iterator
from typing import Literal

from server.text.checks.answer import Answer, CheckSpec, MaybeTexts, Outcome, Share, Text, Texts, whole_words, words
from server.text.checks.claims import claims

_TOKEN = re.compile(r"[\w'’&]+|[.:!?](?= )|[|*\[(“]|- ")
_SPAN = re.compile(r"`([^`\n]{1,200})`")
_CODE_NAME = re.compile(r"(?<![\w-])--[A-Za-z][\w-]*|(?<![\w/])/\w[\w{}.-]*(?:/[\w{}.-]+)*|\w+(?:\.\w+)*")
_VERSION = re.compile(r"v\d[\w.]*|\d+\.\d+\.\d[\w.]*")
_CAMEL = re.compile(r"[a-z][A-Z]")
_WORD = re.compile(r"\w+")
_LOOKED_UP_MAX = 256  # flags and paths that are searched for on the whole page; of further ones, their words
_TITLE_CASE = 0.6  # share of capitalised words from which a line is a title, in which capitals name nothing
_SPEECH = (
    "said", "says", "say", "told", "tells", "wrote", "writes", "reported", "reports", "claimed", "claims", "argued",
    "argues", "stated", "states", "announced", "announces", "added", "warned", "warns", "denied", "denies", "called",
    "calls", "asked", "asks", "estimates", "estimated", "found", "finds", "according",
)  # fmt: skip
_NOBODY = frozenset("the this that these those they she he who which and but also to has have was were it page".split())


class EntityFidelity(CheckSpec):
    """Every capitalised word inside a sentence of the answer stands on the page or in the question. The first word of
    a sentence counts only where it is written like no common word (NATO, iPhone); lines in title case are excused.
    """

    check: Literal["entity_fidelity"] = "entity_fidelity"
    allow: MaybeTexts = ()  # words of the copilot's own form, such as `Verdict`

    def run(self, answer: Answer) -> Outcome:
        known = answer.known_words | frozenset(words(" ".join(self.allow)))
        for name in _names(answer.own_words):
            if not all(word in known or word.removesuffix("s") in known for word in words(_bare(name))):
                return False, f"The name “{_bare(name)[:60]}” is not on the page."
        return True, "Every name stands on the page."


class IdentifierFidelity(CheckSpec):
    """Every flag, path, version, identifier and `code` span of the answer stands on the page or in the question, or on
    a line that says `assumption`. In fenced code only flags and paths are held to it: local names are its own.
    """

    check: Literal["identifier_fidelity"] = "identifier_fidelity"
    assumption: Text = "assum*"

    def run(self, answer: Answer) -> Outcome:
        source = f"{answer.page_text}\n{answer.page.url}\n{answer.question}"
        known, looked_up = frozenset(_WORD.findall(source)), set[str]()
        assumed = whole_words((self.assumption,))
        for line, fenced in _lines(answer.own_words):
            if assumed.search(line):
                continue
            for name in _identifiers(line, fenced=fenced):
                if name in looked_up:
                    continue
                looked_up.add(name)
                whole = name[0] in "-/" and len(looked_up) <= _LOOKED_UP_MAX
                if not known.issuperset(_WORD.findall(name)) or (whole and name not in source):
                    return False, f"“{name[:60]}” is not on the page."
        return True, "Every identifier stands on the page."


class AttributionPresent(CheckSpec):
    """At least this share of the claims says who said it: a word of the page beside a verb of speech (`the mayor
    said`, `according to the Herald`).
    """

    check: Literal["attribution_present"] = "attribution_present"
    at_least: Share = 0.9
    verbs: Texts = _SPEECH

    def run(self, answer: Answer) -> Outcome:
        verbs, known = frozenset(self.verbs), frozenset(words(answer.page_text)) - _NOBODY
        found = [claim for claim in claims(answer) if not claim.words.startswith("From the page:")]
        told = sum(_names_speaker(words(claim.words), verbs, known) for claim in found)
        passed = bool(found) and told >= self.at_least * len(found)
        return passed, f"{told} of {len(found)} claims say who said it."


def _names(text: str) -> Iterator[str]:
    """Words that are written as names."""
    for line in text.split("\n"):
        tokens = [token for token in _TOKEN.findall(line) if not token.isdigit()]
        spoken = [token for token in tokens if token[0].isalpha()]
        capitals = sum(token[0].isupper() for token in spoken)
        if len(spoken) > 2 and capitals > _TITLE_CASE * len(spoken):
            continue
        for before, token in zip(["- ", *tokens], tokens, strict=False):
            first = not before[0].isalnum()
            if _bare(token)[:1].isalpha() and (_is_odd(token) or (not first and _is_capital(token))):
                yield token


def _is_capital(token: str) -> bool:
    return token[0].isupper() and len(_bare(token)) > 1 and not token.startswith(("I'", "I’"))


def _is_odd(token: str) -> bool:
    """Capitals after the first letter."""
    return len(token) > 2 and any(map(str.isupper, _bare(token)[1:]))


def _bare(token: str) -> str:
    """Without the genitive."""
    return re.sub(r"['’]s?$", "", token)


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it stands in fenced code."""
    fenced = False
    for line in text.split("\n"):
        if line.strip().startswith("```"):
            fenced = not fenced
        else:
            yield line, fenced


def _identifiers(line: str, *, fenced: bool) -> Iterator[str]:
    if not fenced:
        yield from (name for span in _SPAN.findall(line) for name in _CODE_NAME.findall(span))
    yield from (name for name in _CODE_NAME.findall(line) if name[0] in "-/" or (not fenced and _is_identifier(name)))


def _is_identifier(name: str) -> bool:
    dotted = "." in name and all(len(part) > 1 for part in name.split("."))
    return dotted or "_" in name.strip("_") or bool(_VERSION.fullmatch(name) or _CAMEL.search(name))


def _names_speaker(said: list[str], verbs: frozenset[str], known: frozenset[str]) -> bool:
    """A word of the page among the four before a verb of speech, or after `according to`."""
    for at, word in enumerate(said):
        if word in verbs:
            near = said[at + 1 : at + 6] if word == "according" else said[max(0, at - 4) : at]
            if any(len(name) > 2 and name in known for name in near):
                return True
    return False
