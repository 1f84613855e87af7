"""Reads and checks a copilot's examples: pages as Markdown, questions and answers as JSON lines.

adapters/<category>/
  pages/train/<slug>.md    pages/heldout/<slug>.md    `# Title`, then blocks apart by empty lines; block n is the n-th
  <copilot>/train.jsonl    <copilot>/heldout.jsonl    one Example a line; a held-out example uses held-out pages only
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.catalog.layout import pages_folder
from server.errors import DataError
from server.files import TEXT_BYTES_MAX, read_regular_text, why_not
from server.settings import load_settings
from server.text.checks import ABSTAIN
from server.text.grounding import quotations
from server.text.page import Page, read_page

SPLITS: tuple[Literal["train", "heldout"], ...] = ("train", "heldout")
PAGE_CHARS_MAX = 40_000
Pages = dict[str, dict[str, Page]]  # by split and slug
_FILL = re.compile(r'"([^"\n]+)" \[\*\]')


class HistoryTurn(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    question: str = Field(min_length=1, max_length=2_000)
    answer: str = Field(min_length=1, max_length=4_000)


class Example(BaseModel):
    """One question about one page and the answer that the copilot should give."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    page: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    question: str = Field(min_length=1, max_length=2_000)
    answer: str = Field(min_length=1, max_length=4_000)
    kind: Literal["answer", "abstain", "injection"] = "answer"
    task: str = Field(default="", max_length=40)  # what is asked for: fact, list, summary …; for figures by task
    reference: str = Field(default="", max_length=400)  # the phrase that answers, as it stands in the evidence
    history: list[HistoryTurn] = []


class Examples:
    """All examples of one copilot (or of `general`), and all pages of its category by slug; `corrections` are folders
    of the user's own examples, `pages` are those of the category by split where they were read before.

    Raises DataError with file and line.
    """

    def __init__(
        self, copilot: str, *, data: Path | None = None, corrections: Sequence[Path] = (), pages: Pages | None = None
    ) -> None:
        root = data if data is not None else load_settings().adapters_dir
        self.copilot = copilot
        self.folder = root / copilot
        if not any((self.folder / f"{split}.jsonl").is_file() for split in SPLITS):
            raise DataError(f"There are no examples for {copilot}.", code="data_missing")
        shared = pages_folder(root, copilot)
        self.pages: Pages = dict(pages) if pages else {split: read_pages(shared / split) for split in SPLITS}
        self.rows = {split: list(self._rows(split)) for split in SPLITS}
        self.corrected = 0
        self.corrected_pages = set[str]()
        for folder in corrections:
            self._add(folder)

    def _rows(self, split: Literal["train", "heldout"]) -> Iterator[Example]:
        file = self.folder / f"{split}.jsonl"
        if not file.exists():
            raise DataError(f"{file.name} is missing for {self.copilot}.", code="data_missing")
        return read_rows(file, self.pages[split], where=f"{self.copilot}/{file.name}", folder=f"pages/{split}")

    def _add(self, folder: Path) -> None:
        """The user's pages and examples, into the same splits."""
        for split in SPLITS:
            file = folder / f"{split}.jsonl"
            if not file.is_file():
                raise DataError(
                    f"There are no corrections for {self.copilot}: `python -m training corrections` prepares them.",
                    code="data_missing",
                )
            pages = read_pages(folder / "pages" / split)
            rows = list(read_rows(file, pages, where=f"corrections/{file.name}", folder=f"pages/{split}"))
            self.pages[split] = self.pages[split] | pages
            self.rows[split] += rows
            self.corrected += len(rows)
            self.corrected_pages |= pages.keys()

    def leave_out(self, slugs: Set[str]) -> None:
        """Held-out pages that are not to be measured on, with their examples."""
        self.pages["heldout"] = {slug: page for slug, page in self.pages["heldout"].items() if slug not in slugs}
        self.rows["heldout"] = [row for row in self.rows["heldout"] if row.page not in slugs]


def read_pages(folder: Path) -> dict[str, Page]:
    """Every Markdown page of a folder by its slug. Raises DataError."""
    return {file.stem: parse_page(_text(file)) for file in sorted(folder.glob("*.md"))}


def read_rows(file: Path, pages: Mapping[str, Page], *, where: str, folder: str) -> Iterator[Example]:
    """The examples of one file, checked against their pages. Raises DataError with `where` and the line."""
    seen: set[tuple[str, str]] = set()
    for number, line in enumerate(read_lines(file), start=1):
        place = f"{where}, line {number}"
        try:
            example = Example.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            raise DataError(f"{place}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        page = pages.get(example.page)
        if page is None:
            raise DataError(f"{place}: there is no page {example.page!r} in {folder}.")
        if (example.page, example.question) in seen:
            raise DataError(f"{place}: the same question stands above.", code="data_duplicate")
        seen.add((example.page, example.question))
        check_quotes(example, page, place)
        yield example


def read_lines(file: Path) -> list[str]:
    """Raises DataError (`data_unreadable`)."""
    return _text(file).splitlines()


def _text(file: Path) -> str:
    """Raises DataError (`data_unreadable`)."""
    try:
        return read_regular_text(file, bytes_max=TEXT_BYTES_MAX, inside=file.parent.parent)
    except OSError as error:
        raise DataError(f"{file} {why_not(error)}.", code="data_unreadable") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is no text in UTF-8.", code="data_unreadable") from error


def check_quotes(example: Example, page: Page, where: str) -> None:
    """Every quotation must stand word for word in the block that is cited for it. Raises DataError."""
    quotes = quotations(example.answer, page)
    for quote in quotes:
        if not quote.verified:
            raise DataError(
                f"{where}: the quote {quote.text!r} does not stand in block {quote.cited}.", code="data_quote"
            )
        if quote.cited is None:
            raise DataError(f"{where}: the quote {quote.text!r} cites no block.", code="data_quote")
    if example.kind == "abstain" and (quotes or ABSTAIN not in example.answer):
        raise DataError(f"{where}: an abstaining answer holds {ABSTAIN!r} and no quote.", code="data_quote")


def parse_page(markdown: str) -> Page:
    title, _, body = markdown.partition("\n")
    if not title.startswith("# "):
        raise DataError("A page begins with a line `# Title`.")
    blocks = [block.strip() for block in body.split("\n\n") if block.strip()]
    return read_page(title=title[2:], url="", blocks=blocks, chars_max=PAGE_CHARS_MAX)


def number_citations(answer: str, page: Page) -> str:
    """Write the block number into each `"quote" [*]`. Raises DataError when the quote is not on the page."""

    def numbered(match: re.Match[str]) -> str:
        found = next((block.n for block in page.blocks if match[1] in block.text), None)
        if found is None:
            raise DataError(f"The quote {match[1]!r} is not on the page.", code="data_quote")
        return f'"{match[1]}" [{found}]'

    return _FILL.sub(numbered, answer)
