"""Reads a corpus folder (`--corpus DIR`): JSON lines, xz-compressed or plain. Knows no tokens.

`pretrain-*.jsonl[.xz]`  {"source", "domain", "title", "text"}                        prose
`qa-*.jsonl[.xz]`        {"source", "domain", "task", "page", "question", "answer"}   questions about a page
Text is light Markdown: paragraphs apart by empty lines, `#` headings, `-` or `1.` lists.
"""

import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from server.errors import DataError

HELD_OUT_SOURCES = frozenset(
    {
        "18F/guides",
        "Bonterms/Cloud-Terms",
        "MicrosoftDocs/WSL",
        "basecamp/policies",
        "google/eng-practices",
        "openstax/osbooks-principles-finance",
        "openstax/osbooks-introduction-philosophy",
        "uswds/uswds-site",
    }
)


@dataclass(frozen=True, slots=True)
class Question:
    task: str
    question: str
    answer: str


@dataclass(slots=True)
class Document:
    """One page of the corpus and the questions that came with it."""

    source: str
    title: str
    blocks: tuple[str, ...]
    questions: list[Question] = field(default_factory=list)

    @property
    def held_out(self) -> bool:
        return self.source in HELD_OUT_SOURCES


def read_questions(corpus: Path) -> Iterator[Document]:
    """Pages with their questions, questions of one page together. Raises DataError."""
    pages: dict[str, Document] = {}
    for row in _rows(corpus, "qa-*"):
        if not row["page"]:
            continue
        title, blocks = split_blocks(row["page"])
        document = pages.setdefault(row["page"], Document(row["source"], title, blocks))
        document.questions.append(Question(row["task"], row["question"], row["answer"]))
    return (document for document in pages.values() if document.blocks)


def read_prose(corpus: Path, *, chars: int) -> Iterator[Document]:
    """Prose cut into pages of about `chars` characters at paragraph borders. Raises DataError."""
    for row in _rows(corpus, "pretrain-*"):
        title, blocks = split_blocks(row["text"])
        page: list[str] = []
        for block in blocks:
            if page and sum(map(len, page)) + len(block) > chars:
                yield Document(row["source"], row["title"] or title, tuple(page))
                page = []
            page.append(block[: 2 * chars])
        if page:
            yield Document(row["source"], row["title"] or title, tuple(page))


def split_blocks(text: str) -> tuple[str, tuple[str, ...]]:
    """Title (the first `#` heading, or nothing) and blocks, without heading marks."""
    blocks = [block.strip() for block in text.split("\n\n") if block.strip()]
    title = ""
    if blocks and blocks[0].startswith("# "):
        title = blocks.pop(0)[2:].strip()
    return title, tuple(block.lstrip("#").strip() for block in blocks)


def _rows(corpus: Path, pattern: str) -> Iterator[dict[str, str]]:
    files = sorted([*corpus.glob(f"{pattern}.jsonl.xz"), *corpus.glob(f"{pattern}.jsonl")])
    if not files:
        raise DataError(f"No {pattern}.jsonl or {pattern}.jsonl.xz in {corpus}.", code="data_missing")
    for file in files:
        reader = lzma.open if file.suffix == ".xz" else open
        with reader(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield json.loads(line)
                except json.JSONDecodeError as error:
                    raise DataError(f"{file.name}, line {number}: {error}") from error
