"""Corpus folder -> tokenizer, thesaurus and token rows of every stage, in a run's work folder. Called by `make`.

Rows are made in parts, by as many processes as there are processors. A GPU does not wait for them: it trains on the
first parts while the others are made.
"""

import functools
import itertools
import json
import math
import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Self

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from server.errors import DataError
from server.prompt import PromptLayout
from training.base.corpus import Document, held_out_sources, joined, read_prose, read_questions
from training.base.presets import CHARS_PER_TOKEN, Preset, Stage
from training.base.rows import Row, Rows, collect, render
from training.base.tasks import WHOLE_PAGE_TASKS, TaskMaker
from training.base.thesaurus import Thesaurus
from training.base.tokenizer import train_tokenizer

TOKENIZER_PAGES = 8000
PART_TOKENS = 2_000_000  # of a stage, made by one process
HELD_OUT, HELD_OUT_ROWS = "heldout.npz", 400
HELD_OUT_SEED = 7  # not the run's: figures of runs with other seeds are of the same pages
SHORT_CHARS = 900


@dataclass(slots=True)
class Stages:
    """The rows of every stage: parts that are read from their files when they are asked for."""

    stages: list["Parts"]
    _pool: ProcessPoolExecutor | None = None

    def wait(self) -> None:
        for parts in self.stages:
            for future in parts.making.values():
                future.result()

    def close(self) -> None:
        """Parts that nobody has begun to make stay unmade."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class Parts(Sequence[Rows]):
    """A stage's rows, part by part; one that is not there yet is waited for."""

    files: list[Path]
    making: dict[Path, Future[None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> Rows:  # type: ignore[override]
        file = self.files[number]
        if file in self.making:
            self.making[file].result()
        return Rows.load(file)


def prepare(preset: Preset, corpus: Path, work: Path, *, seed: int) -> Stages:
    """Tokenizer, held-out rows and the rows of every stage, made once and kept in `work`; the last may be still in the
    making. A `work` that has the tokenizer but no rows gets rows of its tokens. Raises DataError.
    """
    work.mkdir(parents=True, exist_ok=True)
    _claim(work, preset, seed=seed)
    stages = [Parts(_files(work, number, stage, preset)) for number, stage in enumerate(preset.stages, start=1)]
    missing = [file for parts in stages for file in parts.files if not file.exists()]
    if not missing and (work / HELD_OUT).exists():
        return Stages(stages)
    pages = _Pages.read(preset, corpus)
    if not (work / HELD_OUT).exists():
        _prepare_held_out(pages, preset, work, seed=seed)
    made = _parts(pages, preset, work, [parts.files for parts in stages], seed=seed)
    pool = _pool(len(missing)) if missing else None
    for parts, stage in zip(made, stages, strict=True):
        for part in parts:
            if pool and part.file in missing:
                stage.making[part.file] = pool.submit(part.make)
    return Stages(stages, pool)


def held_out_rows(preset: Preset, corpus: Path, work: Path, *, seed: int) -> Rows:
    """Rows of pages that no run trains on, with the tokenizer of `work` where it has one. Raises DataError."""
    work.mkdir(parents=True, exist_ok=True)
    if not (work / HELD_OUT).exists():
        _prepare_held_out(_Pages.read(preset, corpus), preset, work, seed=seed)
    return Rows.load(work / HELD_OUT)


def tokenizer_of(work: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a prepared work folder."""
    tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(work / "tokenizer", local_files_only=True)
    return tokenizer


def _files(work: Path, number: int, stage: Stage, preset: Preset) -> list[Path]:
    count = math.ceil(preset.tokens * stage.share / PART_TOKENS)
    return [work / f"rows-{number}-{part:03}.npz" for part in range(count)]


def _pool(parts: int) -> ProcessPoolExecutor:
    processes = min(parts, os.cpu_count() or 1)
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_give_way)


def _give_way() -> None:
    """To the training beside these processes."""
    if hasattr(os, "nice"):
        os.nice(10)


@dataclass(frozen=True, slots=True)
class _Pages:
    """The corpus: pages with questions and pages of prose, those to train on and those that are held out."""

    asked: list[Document]
    asked_unseen: list[Document]
    prose: list[Document]
    prose_unseen: list[Document]

    @classmethod
    def read(cls, preset: Preset, corpus: Path) -> Self:
        both = (list(read_questions(corpus)), list(read_prose(corpus, chars=preset.page_chars)))
        pages = cls(*([page for page in all_ if page.held_out == unseen] for all_ in both for unseen in (False, True)))
        if not pages.asked or not pages.asked_unseen:
            named = ", ".join(sorted(held_out_sources(corpus)))
            raise DataError(
                f"The questions in {corpus} must come from sources that are held out ({named}; held-out.txt names"
                " them) and from others.",
                code="data_missing",
            )
        return pages


def _prepare_held_out(pages: _Pages, preset: Preset, work: Path, *, seed: int) -> None:
    """The tokenizer and thesaurus of `work`, where it has none, and its held-out rows."""
    if not (work / "tokenizer").exists():
        choose = random.Random(seed)  # noqa: S311
        read = [*_some(pages.asked, TOKENIZER_PAGES, choose), *_some(pages.prose, TOKENIZER_PAGES, choose)]
        made = train_tokenizer(map(_text, read), vocabulary=preset.vocabulary, context=preset.context)
        made.save_pretrained(work / "tokenizer.new")
        (work / "tokenizer.new").replace(work / "tokenizer")
    if not (work / "thesaurus.npz").exists():
        Thesaurus.learn(map(_text, pages.prose)).save(work / "thesaurus.npz")
    long = list(joined(pages.asked_unseen, chars=preset.page_chars))
    choose_unseen = random.Random(HELD_OUT_SEED)  # noqa: S311
    held_out = [*long, *_some(pages.prose_unseen, len(long), choose_unseen)]
    choose_unseen.shuffle(held_out)
    last = preset.stages[-1]
    _Part(held_out, work / HELD_OUT, last, HELD_OUT_SEED + 1, preset.tokens, rows_max=HELD_OUT_ROWS).make()


def _parts(
    pages: _Pages, preset: Preset, work: Path, files: Sequence[Sequence[Path]], *, seed: int
) -> list[list["_Part"]]:
    """What is to do for `files` of rows."""
    choose = random.Random(seed)  # noqa: S311
    long = list(joined(pages.asked, chars=preset.page_chars))
    stages = []
    for number, (stage, own_files) in enumerate(zip(preset.stages, files, strict=True), start=1):
        asked = long if stage.joined else pages.asked
        prose = int(len(asked) * preset.prose_share / (1 - preset.prose_share))
        mixed = [*asked, *_some(pages.prose, prose, choose)]
        choose.shuffle(mixed)
        tokens = int(preset.tokens * stage.share / len(own_files))
        slices = max(1, min(len(own_files), len(mixed) * stage.row_tokens // tokens))
        stages.append([
            _Part(mixed[part % slices :: slices], file, stage, seed + 1_000 * number + part, tokens)
            for part, file in enumerate(own_files)
        ])  # fmt: skip
    return stages


def _some(documents: Sequence[Document], count: int, choose: random.Random) -> list[Document]:
    return choose.sample(documents, min(len(documents), count))


def _text(document: Document) -> str:
    return "\n".join(document.blocks)


def _claim(work: Path, preset: Preset, *, seed: int) -> None:
    """Rows and weights fit one shape and seed only. Raises DataError when `work` has those of another run."""
    stages = [stage.name for stage in preset.stages]
    mine = {"seed": seed, "stages": stages, "vocabulary": preset.vocabulary, **preset.shape}
    file = work / "run.json"
    if not file.exists():
        file.write_text(json.dumps(mine) + "\n", encoding="utf-8")
    elif json.loads(file.read_text(encoding="utf-8")) != mine:
        raise DataError(f"{work} has a run of another preset, start or seed: give another --work.", code="data_work")


@dataclass(frozen=True, slots=True)
class _Part:
    """A share of a stage's rows, made by one process."""

    documents: Sequence[Document]
    file: Path
    stage: Stage
    seed: int
    tokens: int
    rows_max: int | None = None

    def make(self) -> None:
        layout, thesaurus = _tools(self.file.parent)
        made = make_rows(self.documents, layout, self.stage, seed=self.seed, thesaurus=thesaurus)
        collect(itertools.islice(made, self.rows_max), tokens_max=self.tokens).save(self.file)


@functools.cache
def _tools(work: Path) -> tuple[PromptLayout, Thesaurus]:
    """Read once by a process for all parts that it makes."""
    return PromptLayout(tokenizer_of(work)), Thesaurus.load(work / "thesaurus.npz")


def make_rows(
    documents: Sequence[Document], layout: PromptLayout, stage: Stage, *, seed: int, thesaurus: Thesaurus | None = None
) -> Iterator[Row]:
    """Endless epochs of pages, their lengths evenly spread in the logarithm, with questions beside each: for half as
    many tokens as its length comes to, or the stage's `room`.
    """
    maker = TaskMaker(
        seed, entry_share=stage.entries, pointer_share=stage.pointers, typed_share=stage.typed,
        clause_share=stage.clauses, thesaurus=thesaurus,
    )  # fmt: skip
    sizes = random.Random(seed)  # noqa: S311
    made = True
    while made:
        made = False
        for document in documents:
            chars = int(math.exp(sizes.uniform(*map(math.log, stage.chars))))
            page = maker.excerpt(document, chars=chars)
            if page is None or len(page.blocks) < 2:
                continue
            asked = [q for q in document.questions if chars > SHORT_CHARS or q.task not in WHOLE_PAGE_TASKS]
            room = max(stage.room, int(chars / CHARS_PER_TOKEN / 2))
            row = render(layout, page, maker.branches(page, asked), room=room)
            if row is not None:
                made = True
                yield row
