"""The user's corrected answers -> examples added to the copilot's own, redacted, with provenance. Called by cli.

A line of the file: {"page": {"title", "url", "blocks"}, "copilot", "question", "answer", "corrected"}. Those that were
kept in the sidebar come as the same lines, with an id and when they were changed. The result is
laid out like a copilot's folder, its pages within, with provenance.jsonl and refused.jsonl; the file itself is only
read, so nothing is lost. Pages fall to training or to the user's own held-out set by a hash of site and text.
"""

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.catalog.teaching.corrections import Corrections
from server.errors import DataError, RetinueError
from server.files import TEXT_BYTES_MAX, read_regular, read_regular_text, why_not
from server.folders import replace_folder
from server.text.checks import ABSTAIN
from server.text.grounding import citations, find, quotations
from server.text.page import Page, read_page
from training.dataset.examples import PAGE_CHARS_MAX, Example, check_quotes, parse_page
from training.dataset.redact import redact

PER_SITE_MAX = 40  # one site must not become all that a copilot knows
HELD_OUT_EVERY = 5  # one page in so many
LINE_CHARS_MAX = 1_000_000
CUT_CHARS_MAX = 38_000  # of a page that is too long for an example, what is kept
_WHOLE_CHARS_MAX = 10_000_000
_UNCITED = re.compile(r'"([^"\n]{1,2000})"(?![.,;:]? ?\[\d)')
_CITED = re.compile(r"\[(\d{1,5})\]")


class CorrectedPage(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    title: str = Field(default="", max_length=2_000)
    url: str = Field(default="", max_length=8_000)
    blocks: list[str] = Field(min_length=1, max_length=20_000)


class Correction(BaseModel):
    """One line of the file. `answer` is what the copilot wrote, `corrected` what it should have written. `id` and
    `changed_ms` are those of a correction that was kept in the sidebar."""

    model_config = ConfigDict(extra="ignore", strict=True)

    page: CorrectedPage
    copilot: str = Field(min_length=1, max_length=200)
    question: str = Field(min_length=1, max_length=2_000)
    answer: str = Field(default="", max_length=20_000)
    corrected: str = Field(min_length=1, max_length=4_000)
    id: str = Field(default="", max_length=64)
    changed_ms: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """One example that was made, and where it comes from."""

    line: int
    site: str
    markdown: str
    example: Example
    redacted: dict[str, int]
    kept: dict[str, object]  # id and changed_ms of one that was kept in the sidebar

    @property
    def split(self) -> str:
        return "heldout" if int(self.example.page.rpartition("-")[2], 16) % HELD_OUT_EVERY == 0 else "train"


@dataclass
class Prepared:
    """What came of a file. `refused` holds line number, reason and the line itself."""

    made: list[Made] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    of_others: int = 0
    repeated: int = 0
    over_site_cap: int = 0

    def count(self, split: str) -> int:
        return sum(made.split == split for made in self.made)


def prepare(file: Path, copilot: str, folder: Path) -> Prepared:
    """Read the file, keep what belongs to `copilot` (its id), and write it all into `folder`.

    Raises DataError (`data_missing`) when there is no file, or nothing in it for this copilot.
    """
    try:
        lines = read_regular(file.resolve(), bytes_max=TEXT_BYTES_MAX).decode(errors="replace").splitlines()
    except OSError as error:
        raise DataError(f"{file} {why_not(error)}.", code="data_missing") from error
    prepared = _read(lines, copilot)
    if not prepared.made and not prepared.refused:
        raise DataError(f"{file.name} holds no corrections for {copilot}.", code="data_missing")
    _write(prepared, folder)
    return prepared


def prepare_kept(user_dir: Path, copilot: str) -> tuple[Path, ...]:
    """The folders of examples that this copilot's corrections make: those that were kept in the sidebar, prepared now,
    and those of a file that was prepared before."""
    folders = []
    kept, folder = Corrections(user_dir), user_dir / "teaching" / "examples" / copilot
    if kept.any(copilot):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _write(_read(kept.lines(copilot), copilot), folder)
        folders.append(folder)
    of_file = user_dir / "corrections" / copilot
    return (*folders, of_file) if of_file.is_dir() or not folders else tuple(folders)


def taught(folders: Iterable[Path]) -> list[dict[str, object]]:
    """The kept corrections among the examples of these folders: id, when it was changed, training or held-out."""
    lines = (line for folder in folders for line in _lines_of(folder / "provenance.jsonl"))
    rows = map(json.loads, lines)
    return [{name: row[name] for name in ("id", "changed_ms", "split")} for row in rows if "id" in row]


def _lines_of(file: Path) -> list[str]:
    return read_regular_text(file, bytes_max=TEXT_BYTES_MAX).splitlines() if file.is_file() else []


def _read(lines: Iterable[str], copilot: str) -> Prepared:
    prepared = Prepared()
    newest: dict[tuple[str, str], Made] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            correction = _parse(line)
            if correction.copilot not in (copilot, copilot.rpartition("/")[2]):
                prepared.of_others += 1
                continue
            made = example_of(correction, number)
        except RetinueError as error:
            prepared.refused.append((number, error.message, line))
            continue
        key = (made.example.page, made.example.question)
        prepared.repeated += newest.pop(key, None) is not None  # the later correction of a question counts
        newest[key] = made
    sites = Counter[str]()
    for made in reversed(newest.values()):
        sites[made.site] += 1
        if sites[made.site] > PER_SITE_MAX:
            prepared.over_site_cap += 1
        else:
            prepared.made.append(made)
    prepared.made.reverse()
    return prepared


def _parse(line: str) -> Correction:
    if len(line) > LINE_CHARS_MAX:
        raise DataError(f"it is longer than {LINE_CHARS_MAX:,} characters")
    try:
        return Correction.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}") from error


def example_of(correction: Correction, line: int) -> Made:
    """Redact, number and check one correction. Raises DataError, PageError or LimitExceeded with the reason."""
    counts = Counter[str]()
    blocks = _fitting(correction)
    page = read_page(title=correction.page.title, url="", blocks=blocks, chars_max=PAGE_CHARS_MAX)
    places = {block.n: place for place, block in enumerate(page.blocks, start=1)}
    texts = [redact(block.text, counts) for block in page.blocks]
    title = " ".join(redact(page.title, counts).split()) or "Untitled"
    markdown = "\n\n".join([f"# {title}", *texts]) + "\n"
    site = (urlsplit(correction.page.url).hostname or "no site").lower()
    slug = "page-" + hashlib.sha256(f"{site}\n{markdown}".encode()).hexdigest()[:16]
    answer = _renumbered(redact(correction.corrected, counts).strip(), places)
    parsed = parse_page(markdown)
    answer = _UNCITED.sub(lambda match: _cited(match, parsed), answer)
    kind: Literal["abstain", "answer"] = "abstain" if ABSTAIN in answer and '"' not in answer else "answer"
    question = redact(correction.question, counts).strip()
    try:
        example = Example(page=slug, question=question, answer=answer, kind=kind)
    except ValidationError as error:
        raise DataError("question or answer is empty or too long after redaction") from error
    check_quotes(example, parsed, "correction")
    kept: dict[str, object] = {"id": correction.id, "changed_ms": correction.changed_ms} if correction.id else {}
    return Made(line, site, markdown, example, dict(counts), kept)


def _fitting(correction: Correction) -> list[str]:
    """Of a page that is too long for an example the blocks that are quoted or cited, then from the first on what fits;
    the others are empty."""
    blocks, answer = correction.page.blocks, correction.corrected
    if sum(map(len, blocks)) <= PAGE_CHARS_MAX:
        return blocks
    page = read_page(title="", url="", blocks=blocks, chars_max=_WHOLE_CHARS_MAX)
    needed = {*citations(answer), *(quote.block for quote in quotations(answer, page))}
    room, kept = CUT_CHARS_MAX, set[int]()
    for n in sorted(range(1, len(blocks) + 1), key=lambda n: (n not in needed, n)):
        if len(blocks[n - 1]) <= room:
            room, kept = room - len(blocks[n - 1]), kept | {n}
    fits = any(blocks[n - 1].strip() for n in kept)
    return [text if n in kept else "" for n, text in enumerate(blocks, start=1)] if fits else blocks


def _renumbered(answer: str, places: dict[int, int]) -> str:
    """Block numbers as the page file has them: blocks without text are not in it."""
    return _CITED.sub(lambda match: f"[{places.get(int(match[1]), int(match[1]))}]", answer)


def _cited(match: re.Match[str], page: Page) -> str:
    """A quotation without a number gets the number of its block; one that is nowhere stays, and is refused."""
    found = next((block.n for block in page.blocks if find(match[1], block)), None)
    return match[0] if found is None else f"{match[0]} [{found}]"


def _write(prepared: Prepared, folder: Path) -> None:
    """All files into a temporary folder, then moved into place at once."""
    made = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(made, ignore_errors=True)
    for split in ("train", "heldout"):
        pages = made / "pages" / split
        pages.mkdir(parents=True)
        rows = [row for row in prepared.made if row.split == split]
        for row in rows:
            (pages / f"{row.example.page}.md").write_text(row.markdown, encoding="utf-8")
        _write_lines(made / f"{split}.jsonl", (row.example.model_dump(mode="json") for row in rows))
    _write_lines(made / "provenance.jsonl", map(_provenance, prepared.made))
    refused = ({"line": line, "reason": reason, "text": text} for line, reason, text in prepared.refused)
    _write_lines(made / "refused.jsonl", refused)
    replace_folder(made, folder)


def _provenance(made: Made) -> dict[str, object]:
    """Where an example comes from; the address of the page is reduced to its site."""
    return {
        "line": made.line, "site": made.site, "page": made.example.page, "question": made.example.question,
        "split": made.split, "redacted": made.redacted, "origin": "correction", **made.kept,
    }  # fmt: skip


def _write_lines(file: Path, rows: Iterable[dict[str, object]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)  # the user's own words
