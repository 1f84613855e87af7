"""Checks of code and of references for machines: they parse it and never run it. Listed in __init__."""

import ast
import json
import re
import tomllib
import warnings
from collections.abc import Callable
from itertools import accumulate, islice
from typing import Any, Literal

from server.text.checks.answer import Answer, CheckSpec, MaybeTexts, Outcome, Texts, count, words

_CODE_CHARS_MAX = 20_000  # longer code is not parsed, and fails
_DEPTH_MAX = 60  # of brackets, in code that is parsed
_ENTRIES_MAX, _ENTRY_CHARS_MAX = 32, 5_000  # of BibTeX
_PARSERS: dict[str, Callable[[str], Any]] = {
    "python": ast.parse, "py": ast.parse, "json": json.loads, "toml": tomllib.loads,
}  # fmt: skip
_ENTRY = re.compile(r"@(\w{1,30})\s?\{\s?([\w:.+/-]{1,100})\s?,")
_SMALL_WORDS = frozenset("and others the of in a for et al jan feb mar apr may jun jul aug sep oct nov dec".split())


class CodeParses(CheckSpec):
    """Each fenced block is closed, names its language, and parses where that is Python, JSON or TOML. Other languages
    are not judged. Nothing is run.
    """

    check: Literal["code_parses"] = "code_parses"
    languages: MaybeTexts = ()  # the only ones allowed; empty: any

    def run(self, answer: Answer) -> Outcome:
        opened: tuple[str, list[str]] | None = None
        blocks: list[tuple[str, str]] = []
        for line in answer.text.split("\n"):
            fence = line.strip().startswith("```")
            if opened is None:
                opened = (line.strip().strip("`").strip().casefold(), []) if fence else None
            elif fence:
                blocks.append((opened[0], "\n".join(opened[1])))
                opened = None
            else:
                opened[1].append(line)
        if opened is not None:
            return False, "A block of code is opened but not closed."
        for language, code in blocks:
            if not language or (self.languages and language not in self.languages):
                return False, "A block of code does not name its language, or one that is not asked for."
            if not _parses(language, code):
                return False, f"The {language[:20]} code does not parse."
        return True, f"{count(len(blocks), 'block of code is', 'blocks of code are')} well formed."


class BibtexValid(CheckSpec):
    """Each BibTeX entry of the answer is closed and has the `required` fields; the words of each field stand on the
    page. A question that says BibTeX needs an entry.
    """

    check: Literal["bibtex_valid"] = "bibtex_valid"
    required: Texts = ("title",)

    def run(self, answer: Answer) -> Outcome:
        found = islice(_ENTRY.finditer(answer.text), _ENTRIES_MAX)
        entries = [_entry(answer.text[each.end() : each.end() + _ENTRY_CHARS_MAX]) for each in found]
        if not entries and "bibtex" in answer.question.casefold():
            return False, "The answer has no BibTeX entry."
        for entry in entries:
            if entry is None:
                return False, "A BibTeX entry is not closed."
            missing = next((name for name in self.required if name not in entry), None)
            if missing:
                return False, f"A BibTeX entry lacks the field {missing}."
            said = {word for value in entry.values() for word in words(value)} - _SMALL_WORDS
            invented = sorted(said - answer.known_words)
            if invented:
                return False, f"“{invented[0][:60]}” in a BibTeX entry is not on the page."
        return True, f"{count(len(entries), 'BibTeX entry is', 'BibTeX entries are')} well formed."


def _parses(language: str, code: str) -> bool:
    parser = _PARSERS.get(language)
    if parser is None:
        return True
    if len(code) > _CODE_CHARS_MAX or _depth(code) > _DEPTH_MAX:
        return False
    try:
        with warnings.catch_warnings():  # of the parser, about odd escapes
            warnings.simplefilter("ignore")
            parser(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _depth(code: str) -> int:
    """How deep brackets nest, those inside strings included."""
    return max(accumulate((char in "([{") - (char in ")]}") for char in code), default=0)


def _entry(body: str) -> dict[str, str] | None:
    """The fields of a BibTeX entry from behind its key on; None when it is not closed."""
    fields: dict[str, str] = {}
    part, depth, quoted = "", 1, False
    for char in body:
        depth += (char == "{") - (char == "}")
        quoted ^= char == '"'
        if depth == 0 or (char == "," and depth == 1 and not quoted):
            name, _, value = part.partition("=")
            fields |= {name.strip().casefold(): value.strip()} if value else {}
            part = ""
        elif char not in "{}":
            part += char
        if depth == 0:
            return fields
    return None
