"""Corpus folder -> tokenizer, thesaurus and token rows of every stage, in a run's work folder. Called by `make`."""

import itertools
import json
import math
import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from server.errors import DataError
from server.prompt import PromptLayout
from training.base.corpus import Document, held_out_sources, joined, read_prose, read_questions
from training.base.presets import Preset, Stage
from training.base.rows import Row, Rows, collect, render
from training.base.tasks import WHOLE_PAGE_TASKS, TaskMaker
from training.base.thesaurus import Thesaurus
from training.base.tokenizer import train_tokenizer

TOKENIZER_PAGES = 8000
CHARS_PER_TOKEN = 3.6
PART_TOKENS = 4_000_000  # of a stage, made by one process
HELD_OUT_ROWS = 400
HELD_OUT_SEED = 7  # not the run's: figures of runs with other seeds are of the same pages
SHORT_CHARS = 900


def prepare(preset: Preset, corpus: Path, work: Path, *, seed: int) -> tuple[PreTrainedTokenizerFast, list[Rows]]:
    """Tokenizer and the rows of every stage, made once and kept in `work`; held-out rows beside them.

    A `work` that has the tokenizer but no rows gets rows of its tokens. Raises DataError.
    """
    work.mkdir(parents=True, exist_ok=True)
    _claim(work, preset, seed=seed)
    files = [work / f"rows-{number}.npz" for number, _ in enumerate(preset.stages, start=1)]
    if not all(file.exists() for file in files):
        _make(preset, corpus, work, files, seed=seed)
    tokenizer = AutoTokenizer.from_pretrained(work / "tokenizer", local_files_only=True)
    return tokenizer, [Rows.load(file) for file in files]


def _make(preset: Preset, corpus: Path, work: Path, files: Sequence[Path], *, seed: int) -> None:
    """The work folder's tokenizer, thesaurus, held-out rows and `files` of rows, one for each stage."""
    asked, prose = list(read_questions(corpus)), list(read_prose(corpus, chars=preset.page_chars))
    kept, unseen = ([each for each in asked if each.held_out == held_out] for held_out in (False, True))
    kept_prose, unseen_prose = ([each for each in prose if each.held_out == held_out] for held_out in (False, True))
    if not kept or not unseen:
        named = ", ".join(sorted(held_out_sources(corpus)))
        raise DataError(
            f"The questions in {corpus} must come from sources that are held out ({named}; held-out.txt names them)"
            " and from others.",
            code="data_missing",
        )
    choose = random.Random(seed)  # noqa: S311
    if not (work / "tokenizer").exists():
        read = [*_some(kept, TOKENIZER_PAGES, choose), *_some(kept_prose, TOKENIZER_PAGES, choose)]
        made = train_tokenizer(map(_text, read), vocabulary=preset.vocabulary, context=preset.context)
        made.save_pretrained(work / "tokenizer.new")
        (work / "tokenizer.new").replace(work / "tokenizer")
    Thesaurus.learn(map(_text, kept_prose)).save(work / "thesaurus.npz")
    long, long_unseen = (list(joined(each, chars=preset.page_chars)) for each in (kept, unseen))
    choose_unseen = random.Random(HELD_OUT_SEED)  # noqa: S311
    held_out = [*long_unseen, *_some(unseen_prose, len(long_unseen), choose_unseen)]
    choose_unseen.shuffle(held_out)
    last = _Part(held_out, work, preset.stages[-1], HELD_OUT_SEED + 1, preset.tokens, rows_max=HELD_OUT_ROWS)
    last.rows().save(work / "heldout.npz")
    for number, (stage, file) in enumerate(zip(preset.stages, files, strict=True), start=1):
        pages = long if stage.joined else kept
        prose_pages = int(len(pages) * preset.prose_share / (1 - preset.prose_share))
        mixed = [*pages, *_some(kept_prose, prose_pages, choose)]
        choose.shuffle(mixed)
        tokens = int(preset.tokens * stage.share)
        count = math.ceil(tokens / PART_TOKENS)
        parts = [
            _Part(mixed[part::count], work, stage, seed + 100 * number + part, tokens // count) for part in range(count)
        ]
        Rows.joined(_in_parallel(parts)).save(file)


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
    work: Path
    stage: Stage
    seed: int
    tokens: int
    rows_max: int | None = None

    def rows(self) -> Rows:
        layout = PromptLayout(AutoTokenizer.from_pretrained(self.work / "tokenizer", local_files_only=True))
        thesaurus = Thesaurus.load(self.work / "thesaurus.npz")
        made = make_rows(self.documents, layout, self.stage, seed=self.seed, thesaurus=thesaurus)
        return collect(itertools.islice(made, self.rows_max), tokens_max=self.tokens)


def _in_parallel(parts: Sequence[_Part]) -> list[Rows]:
    """Rows of every part, the same however many processors there are."""
    if len(parts) == 1:
        return [parts[0].rows()]
    with ProcessPoolExecutor(min(len(parts), os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
        return list(pool.map(_Part.rows, parts))


def make_rows(
    documents: Sequence[Document], layout: PromptLayout, stage: Stage, *, seed: int, thesaurus: Thesaurus | None = None
) -> Iterator[Row]:
    """Endless epochs of pages, their lengths evenly spread in the logarithm, with questions beside each: for half as
    many tokens as its length comes to, or the stage's `room`.
    """
    maker = TaskMaker(
        seed, entry_share=stage.entries, pointer_share=stage.pointers, typed_share=stage.typed, thesaurus=thesaurus
    )
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
