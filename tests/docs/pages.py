"""The Markdown pages of the repository as the tests read them: code blocks, code spans, links."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "training/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
_READER = MarkdownIt("commonmark").enable("table")
_INTO = re.compile(r"`([\w./-]+)`[^`]*:$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced or indented block. `into`: the file that the paragraph before it names, ending in a colon."""

    line: int
    language: str
    text: str
    into: str = ""

    @property
    def commands(self) -> list[list[str]]:
        """The words of each line of a shell block, without comments; a line may go on after a backslash."""
        if self.language != "sh":
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def blocks(page: Path) -> Iterator[Block]:
    before = ""
    for token in _READER.parse(page.read_text(encoding="utf-8")):
        if token.type == "inline":
            before = token.content
        elif token.type in ("fence", "code_block"):
            into = _INTO.search(before)
            yield Block((token.map or [0])[0] + 1, token.info, token.content, into[1] if into else "")
            before = ""


def spans(page: Path) -> list[str]:
    """What stands between backticks in running text and tables."""
    return [child.content for child in _children(page) if child.type == "code_inline"]


def links(page: Path) -> list[str]:
    """Where links and pictures lead, within the repository."""
    found = [str(child.attrs.get("href") or child.attrs.get("src") or "") for child in _children(page)]
    return [link.partition("#")[0] for link in found if link and "://" not in link and not link.startswith("#")]


def _children(page: Path) -> Iterator[Token]:
    for token in _READER.parse(page.read_text(encoding="utf-8")):
        yield from token.children or ()
