"""Reads a corpus folder (`--corpus DIR`): JSON lines, xz-compressed or plain. Knows no tokens.

`pretrain-*.jsonl[.xz]`  {"source", "domain", "title", "text"}                        prose
`qa-*.jsonl[.xz]`        {"source", "domain", "task", "page", "question", "answer"}   questions about a page
`held-out.txt`           sources that are measured on and never trained on, one a line; HELD_OUT_SOURCES without it
Text is light Markdown: paragraphs apart by empty lines, `#` headings, `-` or `1.` lists.
"""

import lzma
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from server.errors import DataError
from server.files import TEXT_BYTES_MAX, read_regular_text

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

HELD_OUT_TITLES = frozenset({"2008 Sichuan earthquake", "Solar energy"})  # encyclopaedia articles, by their title


class _Prose(BaseModel):
    source: str
    title: str
    text: str


class _QuestionRow(BaseModel):
    source: str
    task: str
    page: str
    question: str
    answer: str


_Row = TypeVar("_Row", _Prose, _QuestionRow)


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
    held_out: bool = False


def held_out_sources(corpus: Path) -> frozenset[str]:
    """Raises DataError when `held-out.txt` cannot be read."""
    try:
        lines = read_regular_text(corpus / "held-out.txt", bytes_max=TEXT_BYTES_MAX).splitlines()
    except FileNotFoundError:
        return HELD_OUT_SOURCES
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"held-out.txt in {corpus} cannot be read: {error}", code="data_json") from error
    return frozenset(line.strip() for line in lines if line.strip())


def read_questions(corpus: Path) -> Iterator[Document]:
    """Pages with their questions, questions of one page together. Raises DataError."""
    pages, unseen = dict[str, Document](), held_out_sources(corpus)
    for row in _rows(corpus, "qa-*", _QuestionRow):
        if not row.page:
            continue
        title, blocks = split_blocks(row.page)
        held_out = row.source in unseen or title in HELD_OUT_TITLES
        document = pages.setdefault(row.page, Document(row.source, title, blocks, held_out=held_out))
        document.questions.append(Question(row.task, row.question, row.answer))
    return (document for document in pages.values() if document.blocks)


def read_prose(corpus: Path, *, chars: int) -> Iterator[Document]:
    """Prose cut into pages of about `chars` characters at paragraph borders. Raises DataError."""
    unseen = held_out_sources(corpus)
    for row in _rows(corpus, "pretrain-*", _Prose):
        held_out = row.source in unseen
        title, blocks = split_blocks(row.text)
        page: list[str] = []
        for block in blocks:
            if page and sum(map(len, page)) + len(block) > chars:
                yield Document(row.source, row.title or title, tuple(page), held_out=held_out)
                page = []
            page.append(block[: 2 * chars])
        if page:
            yield Document(row.source, row.title or title, tuple(page), held_out=held_out)


def split_blocks(text: str) -> tuple[str, tuple[str, ...]]:
    """Title (the first `#` heading, or nothing) and blocks, without heading marks."""
    blocks = [block.strip() for block in text.split("\n\n") if block.strip()]
    title = ""
    if blocks and blocks[0].startswith("# "):
        title = blocks.pop(0)[2:].strip()
    return title, tuple(block.lstrip("#").strip() for block in blocks)


def _rows(corpus: Path, pattern: str, form: type[_Row]) -> Iterator[_Row]:
    files = sorted([*corpus.glob(f"{pattern}.jsonl.xz"), *corpus.glob(f"{pattern}.jsonl")])
    if not files:
        raise DataError(f"No {pattern}.jsonl or {pattern}.jsonl.xz in {corpus}.", code="data_missing")
    for file in files:
        number = 0  # of the line that was read last
        try:
            with (lzma.open if file.suffix == ".xz" else open)(file, "rt", encoding="utf-8") as lines:
                for line in lines:
                    number += 1
                    yield form.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "JSON"
            raise DataError(f"{file.name}, line {number}: {where}: {first['msg']}.", code="data_json") from error
        except (lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
            raise DataError(f"{file.name}, after line {number}: {error}", code="data_json") from error
