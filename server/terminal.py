"""What may reach a terminal: no control character, no bidi mark and no markup of a text that somebody else wrote.

A copilot's name, a page's title, an answer or an error can hold escape sequences that rewrite the screen, and marks
that show a text in another order than it is. Called by every command that prints.
"""

import json
import unicodedata
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

_KEPT = frozenset("\n\t")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_BREAKS = frozenset({"Zl", "Zp"})  # some terminals start a line there


def plain(text: object, *, lines: bool = True) -> str:
    """The text without what a terminal would act on; without `lines` on one line."""
    kept = "".join(_shown(char) for char in str(text))
    return kept if lines else " ".join(kept.split())


def plain_json(content: Any) -> str:
    """One line of JSON: the same values for a program, and nothing that a terminal would act on."""
    written = json.dumps(content, ensure_ascii=False)
    return "".join(char if _shown(char) == char else json.dumps(char)[1:-1] for char in written)


def terminal(file: TextIO | None = None, *, stderr: bool = False) -> Console:
    """A console that takes every text as it is: no markup, no emoji codes."""
    return Console(file=file, stderr=stderr, highlight=False, markup=False, emoji=False)


def cell(text: object, style: str = "") -> Text:
    """A text for a table, or in a style of ours."""
    return Text(plain(text), style=style)


def say(text: object, *, console: Console | None = None, end: str = "\n") -> None:
    """One text on standard output, or on the console given."""
    (console or terminal()).print(cell(text), end=end, soft_wrap=True)


def _shown(char: str) -> str:
    if char in _KEPT or (" " <= char <= "~"):
        return char
    category = unicodedata.category(char)
    if category in _DROPPED:
        return ""
    return "\n" if category in _BREAKS else char
