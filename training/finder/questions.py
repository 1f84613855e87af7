"""Questions with the units of their page that answer them: the project's own, and the corpus's. Called by fit and run.

adapters/finder/train.jsonl, one question a line: {"copilot", "page", "question", "evidence": [text of a unit]}.
The page is one of the training pages of that copilot's category; without evidence the page does not answer.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.catalog.layout import FINDER, GENERAL, pages_folder
from server.errors import DataError
from server.text.finder import Finder
from server.text.grounding import quotations
from training.dataset.examples import Example, Examples, read_lines, read_pages
from training.general.corpus import Document
from training.general.pages import PageMaker
from training.general.tasks import HUMAN_TASKS, asked

QUESTIONS_PER_PAGE = 16  # of the corpus


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    copilot: str = Field(max_length=130)
    page: str = Field(max_length=64)
    question: str = Field(min_length=3, max_length=400)
    evidence: list[str] = Field(max_length=8)


@dataclass(frozen=True, slots=True)
class Question:
    """`answers`: places of the units that answer, empty when none does."""

    text: str
    answers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AskedPage:
    """A page and what is asked about it."""

    finder: Finder
    questions: tuple[Question, ...]


def own_questions(data: Path) -> list[AskedPage]:
    """The questions of train.jsonl by page. Raises DataError with the line."""
    file, by_page = data / FINDER / "train.jsonl", dict[tuple[str, str], list[Question]]()
    finders: dict[tuple[str, str], Finder] = {}
    for number, line in enumerate(read_lines(file), start=1):
        try:
            row = _Row.model_validate_json(line)
        except ValidationError as error:
            raise DataError(f"{file.name}, line {number}: {error.errors()[0]['msg']}", code="data_json") from error
        place = (row.copilot, row.page)
        if place not in finders:
            pages = read_pages(pages_folder(data, row.copilot) / "train")
            finders |= {(row.copilot, name): Finder(page) for name, page in pages.items()}
        if place not in finders:
            raise DataError(f"{file.name}, line {number}: there is no page {row.page!r} of {row.copilot}.")
        by_page.setdefault(place, []).append(Question(row.question, _places(row, finders[place], number)))
    return [AskedPage(finders[place], tuple(questions)) for place, questions in by_page.items()]


def _places(row: _Row, finder: Finder, number: int) -> tuple[int, ...]:
    found = tuple(place for place, unit in enumerate(finder.units) if unit.text in row.evidence)
    if row.evidence and not found:
        raise DataError(f"train.jsonl, line {number}: the evidence is no unit of {row.page}.", code="data_quote")
    return found


def example_questions(data: Path, split: Literal["train", "heldout"]) -> list[AskedPage]:
    """The fact questions of the general adapter's examples; their quotations are the evidence. Raises DataError."""
    examples = Examples(GENERAL, data=data)
    by_page: dict[str, list[Question]] = {}
    finders: dict[str, Finder] = {name: Finder(page) for name, page in examples.pages[split].items()}
    for example in examples.rows[split]:
        if example.task != "fact" or example.kind != "answer":
            continue
        answers = tuple(_quoted(example, finders[example.page]))
        if answers:
            by_page.setdefault(example.page, []).append(Question(example.question, answers))
    return [AskedPage(finders[name], tuple(questions)) for name, questions in by_page.items()]


def _quoted(example: Example, finder: Finder) -> Iterator[int]:
    for quote in quotations(example.answer, finder.page):
        for place, unit in enumerate(finder.units):
            if unit.block == quote.block and (quote.text.strip(". ") in unit.text or unit.text in quote.text):
                yield place


def corpus_questions(documents: Sequence[Document], *, seed: int, units_max: int = 160) -> Iterator[AskedPage]:
    """Without end: pages made of the corpus's documents, with people's questions about them."""
    choose = random.Random(seed)  # noqa: S311
    while True:
        made = PageMaker(choose).around(documents, choose.randrange(len(documents)))
        if made is None:
            continue
        finder = Finder(made[0])
        if not 8 < len(finder.units) < units_max:
            continue
        human = [question for document in made[1] for question in document.questions if question.task in HUMAN_TASKS]
        found = [asked(question, finder.units) for question in human[:QUESTIONS_PER_PAGE]]
        questions = tuple(
            Question(one.question, tuple(finder.units.index(unit) for unit in one.evidence))
            for one in found
            if one is not None and one.evidence and not one.whole
        )
        if questions:
            yield AskedPage(finder, questions)
