"""The documents of one's own copilot: pages made of them, drafted pairs, and the examples that come of both.

All of it lies in the copilot's folder (`.documents.json`), so that it goes with it. Called by the desk for documents,
in threads. Knows no engine.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.catalog.layout import PAGES
from server.errors import CopilotError, PageError, RetinueError
from server.files import read_regular_text, replace_file
from server.text.documents import Document
from server.text.grounding import quotations
from server.text.page import Page, clean, read_page
from server.text.shingles import LEAK_SHARE_MAX, shingles

FILE = ".documents.json"
BYTES_MAX = 16 * 1024**2
PAGE_CHARS = 6_000  # a page of a document: short enough to be read with every question of the training
PAGES_MAX, DOCUMENTS_MAX, PAIRS_MAX = 200, 50, 200
HELD_OUT_EVERY = 5
_OURS = re.compile(r"doc-[0-9a-f]{16}")

Verdict = Literal["open", "accepted", "dropped"]
Split = Literal["train", "heldout"]


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PaperPage(_Kept):
    title: str = Field(max_length=400)
    blocks: list[str] = Field(max_length=PAGE_CHARS)

    @property
    def page(self) -> Page:
        return read_page(title=self.title, url="", blocks=self.blocks, chars_max=8 * PAGE_CHARS)

    @property
    def markdown(self) -> str:
        return "\n\n".join([f"# {self.title}", *self.blocks]) + "\n"

    @property
    def slug(self) -> str:
        return "doc-" + hashlib.sha256(self.markdown.encode()).hexdigest()[:16]


class Paper(_Kept):
    id: str = Field(max_length=64)
    name: str = Field(max_length=300)
    pages: list[PaperPage] = Field(max_length=PAGES_MAX)


class Pair(_Kept):
    """`place`: number of the page in its document; `unit`: the sentence that it was drafted from."""

    id: str = Field(max_length=64)
    document: str = Field(max_length=64)
    place: int = Field(ge=0)
    unit: str = Field(max_length=1_000)
    question: str = Field(max_length=4_000)
    answer: str = Field(max_length=4_000)
    verdict: Verdict = "open"


class Papers(_Kept):
    papers: list[Paper] = Field(default=[], max_length=DOCUMENTS_MAX)
    pairs: list[Pair] = Field(default=[], max_length=PAIRS_MAX)

    def page_of(self, pair: Pair) -> PaperPage:
        return next(paper for paper in self.papers if paper.id == pair.document).pages[pair.place]


def read(folder: Path) -> Papers:
    """Raises CopilotError (`documents_unreadable`)."""
    try:
        return Papers.model_validate_json(read_regular_text(folder / FILE, bytes_max=BYTES_MAX, inside=folder.parent))
    except FileNotFoundError:
        return Papers()
    except (OSError, ValidationError, ValueError) as error:
        message = f"The documents of this copilot cannot be read. Remove {FILE} from its folder."
        raise CopilotError(message, code="documents_unreadable") from error


def write(folder: Path, papers: Papers) -> None:
    """Raises OSError."""
    replace_file(folder / FILE, papers.model_dump_json(), mode=0o600)


def add(papers: Papers, document: Document) -> None:
    """Raises CopilotError (`documents_many`), PageError (`page_empty`)."""
    pages = list(_pages(document))
    if not pages:
        raise PageError("This file has no readable text.")
    if len(papers.papers) >= DOCUMENTS_MAX or sum(len(one.pages) for one in papers.papers) + len(pages) > PAGES_MAX:
        message = f"At most {DOCUMENTS_MAX} documents with {PAGES_MAX} pages of text together. Remove one."
        raise CopilotError(message, code="documents_many")
    digest = hashlib.sha256("".join(page.markdown for page in pages).encode()).hexdigest()[:16]
    if any(paper.id == f"d{digest}" for paper in papers.papers):
        return  # the same text once more
    papers.papers.append(Paper(id=f"d{digest}", name=clean(document.url or document.title)[0][:300], pages=pages))


def remove(papers: Papers, document: str) -> None:
    papers.papers = [paper for paper in papers.papers if paper.id != document]
    papers.pairs = [pair for pair in papers.pairs if pair.document != document]


def judge(papers: Papers, wanted: str, verdict: Verdict, *, question: str | None, answer: str | None) -> None:
    """Raises CopilotError (`pair_unknown`, `pair_unproven` for an answer whose quotation is not on its page)."""
    pair = next((pair for pair in papers.pairs if pair.id == wanted), None)
    if pair is None:
        raise CopilotError("This draft is not there any more.", code="pair_unknown")
    asked = " ".join((pair.question if question is None else question).split())
    answered = (pair.answer if answer is None else answer).strip()
    if not asked or not proven(answered, papers.page_of(pair).page):
        message = "An answer needs a quotation from its page, with the number of the block. Put it back."
        raise CopilotError(message, code="pair_unproven", field="answer" if asked else "question")
    pair.question, pair.answer, pair.verdict = asked, answered, verdict


def proven(answer: str, page: Page) -> bool:
    """It quotes, and every quotation stands in the block that is cited for it."""
    quotes = quotations(answer, page)
    return bool(quotes) and all(quote.verified and quote.cited is not None for quote in quotes)


def teach(folder: Path, papers: Papers) -> tuple[int, int]:
    """Write what was accepted as examples: pages into the category's, rows beside copilot.toml. Rows that somebody
    wrote by hand stay. Returns how many are for training and held out.

    Raises CopilotError (`documents_few`, `documents_alike`), OSError.
    """
    accepted = [pair for pair in papers.pairs if pair.verdict == "accepted"]
    pages = {page.slug: page for page in map(papers.page_of, accepted)}
    splits = _split(pages, folder.parent / PAGES)
    counts: dict[str, int] = {}
    for split in ("train", "heldout"):
        for slug in (slug for slug, where in splits.items() if where == split):
            replace_file(folder.parent / PAGES / split / f"{slug}.md", pages[slug].markdown)
        rows = [_row(pair, papers) for pair in accepted if splits[papers.page_of(pair).slug] == split]
        kept = list(_by_hand(folder / f"{split}.jsonl", folder))
        replace_file(folder / f"{split}.jsonl", "".join(f"{line}\n" for line in [*kept, *dict.fromkeys(rows)]))
        counts[split] = len(dict.fromkeys(rows))
    return counts["train"], counts["heldout"]


def forget_pages(category: Path) -> None:
    """Take away the pages of documents that no copilot of the category uses any more."""
    used = {slug for file in category.glob("*/*.jsonl") for line in _lines(file) for slug in _OURS.findall(line)}
    for file in category.glob(f"{PAGES}/*/doc-*.md"):
        if _OURS.fullmatch(file.stem) and file.stem not in used:
            file.unlink(missing_ok=True)


def _pages(document: Document) -> Iterator[PaperPage]:
    """Blocks as they follow each other, as many as a page may have; the title says which part it is."""
    parts: list[list[str]] = [[]]
    size = 0
    for block in document.blocks:
        text = re.sub(r"\n\s*\n", "\n", clean(block)[0])[: 2 * PAGE_CHARS]
        if not text:
            continue
        if parts[-1] and size + len(text) > PAGE_CHARS:
            parts.append([])
            size = 0
        parts[-1].append(text)
        size += len(text)
    title = " ".join(clean(document.title)[0].split())[:200] or "Untitled"
    for number, blocks in enumerate(parts, start=1):
        if blocks:
            yield PaperPage(title=title if len(parts) == 1 else f"{title}, part {number}", blocks=blocks)


def _split(pages: dict[str, PaperPage], folder: Path) -> dict[str, Split]:
    """Every fifth page is held out, and none that shares text with another. Where one lies already, it stays."""
    splits: dict[str, Split] = dict.fromkeys(pages, "train")
    if len(pages) < 2:
        message = "Accept drafts from at least two pages: one is held out to measure on. Add a document."
        raise CopilotError(message, code="documents_few")
    there = [slug for slug in pages if os.path.lexists(folder / "heldout" / f"{slug}.md")]
    trained = {slug for slug in pages if os.path.lexists(folder / "train" / f"{slug}.md")}
    fresh = sorted(set(pages) - trained - set(there))
    wanted = max(1, len(pages) // HELD_OUT_EVERY) - len(there)
    for slug in there:
        splits[slug] = "heldout"
    words = {slug: shingles("\n".join(page.blocks)) for slug, page in pages.items()}
    for slug in fresh:
        alike = max(len(words[slug] & words[other]) / len(words[slug]) for other in pages if other != slug)
        if wanted > 0 and alike <= LEAK_SHARE_MAX:
            splits[slug] = "heldout"
            wanted -= 1
    if set(splits.values()) != {"train", "heldout"}:
        message = "The pages share too much text to hold one out. Add a document with other text."
        raise CopilotError(message, code="documents_alike")
    return splits


def _row(pair: Pair, papers: Papers) -> str:
    row = {"page": papers.page_of(pair).slug, "question": pair.question, "answer": pair.answer}
    return json.dumps(row, ensure_ascii=False)


def _by_hand(file: Path, folder: Path) -> Iterator[str]:
    for line in _lines(file):
        try:
            page = json.loads(line).get("page", "")
        except (ValueError, AttributeError):
            page = ""
        if line.strip() and not _OURS.fullmatch(str(page)):
            yield line


def _lines(file: Path) -> Sequence[str]:
    try:
        return read_regular_text(file, bytes_max=BYTES_MAX, inside=file.parent).split("\n")
    except (OSError, ValueError, RetinueError):
        return []
