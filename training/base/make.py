"""`python -m training base`: corpus folder -> tokenizer, rows, weights, held-out figures, model card."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from server.prompt import PromptLayout
from training.base.card import write_card
from training.base.corpus import Document, read_prose, read_questions
from training.base.evaluate import answers, held_out_questions, losses
from training.base.presets import Preset, preset
from training.base.pretrain import Pretraining, new_model
from training.base.rows import Row, Rows, collect, render
from training.base.summaries import held_out_summaries, summaries
from training.base.tasks import WHOLE_PAGE_TASKS, TaskMaker
from training.base.tokenizer import train_tokenizer
from training.base.wiring import wire_copying

TOKENIZER_PAGES = 8000
CHARS_PER_TOKEN = 3.6
ANSWER_ROOM = 0.4  # part of a row that is left for questions and answers
HELD_OUT_ROWS = 400
SHORT_CHARS = 900
QUESTIONS = 120
SUMMARIES = 40


def prepare(preset: Preset, corpus: Path, work: Path, *, seed: int) -> tuple[PreTrainedTokenizerFast, Rows, Rows]:
    """Tokenizer, short rows and rows, made once and kept in `work`; held-out rows beside them."""
    work.mkdir(parents=True, exist_ok=True)
    if (work / "rows.npz").exists():
        tokenizer = AutoTokenizer.from_pretrained(work / "tokenizer", local_files_only=True)
        return tokenizer, Rows.load(work / "short.npz"), Rows.load(work / "rows.npz")
    documents = list(read_questions(corpus))
    prose = list(read_prose(corpus, chars=page_chars(preset)))
    shuffled = random.Random(seed)  # noqa: S311
    shuffled.shuffle(documents)
    shuffled.shuffle(prose)
    kept = [d for d in documents if not d.held_out]
    if (work / "tokenizer").exists():  # rows are made anew for weights that know these tokens
        tokenizer = AutoTokenizer.from_pretrained(work / "tokenizer", local_files_only=True)
    else:
        tokenizer = train_tokenizer(
            (
                "\n".join(d.blocks)
                for d in itertools.chain(kept[:TOKENIZER_PAGES], prose[:TOKENIZER_PAGES])
                if not d.held_out
            ),
            vocabulary=preset.vocabulary,
            context=preset.context,
        )
        tokenizer.save_pretrained(work / "tokenizer")
    layout = PromptLayout(tokenizer)
    prose_rows = int(len(kept) * preset.prose_share / (1 - preset.prose_share))
    mixed = kept + [d for d in prose if not d.held_out][:prose_rows]
    shuffled.shuffle(mixed)
    rows = collect(make_rows(mixed, layout, preset, seed=seed))
    held_out = [d for d in documents if d.held_out] + [d for d in prose if d.held_out][:HELD_OUT_ROWS]
    collect(itertools.islice(make_rows(held_out, layout, preset, seed=seed + 1), HELD_OUT_ROWS)).save(
        work / "heldout.npz"
    )
    short = collect(make_short_rows(mixed, layout, preset, seed=seed))
    short.save(work / "short.npz")
    rows.save(work / "rows.npz")
    return tokenizer, short, rows


def make_rows(documents: list[Document], layout: PromptLayout, preset: Preset, *, seed: int) -> Iterator[Row]:
    maker, long_rows = TaskMaker(seed), random.Random(seed)  # noqa: S311
    for document in documents:
        factor = 2 if long_rows.random() < preset.long_share else 1
        page = maker.page(document, chars=page_chars(preset) * factor)
        if page is None:
            continue
        turns = maker.turns(page, document.questions, synthetic=6 if document.questions else 9)
        row = render(layout, page, turns, context=preset.row_tokens * factor)
        if row is not None:
            yield row


def make_short_rows(documents: list[Document], layout: PromptLayout, preset: Preset, *, seed: int) -> Iterator[Row]:
    """Pages of a few sentences with many questions each: half of the tokens are copied from the page."""
    maker, sizes = TaskMaker(seed + 2), random.Random(seed)  # noqa: S311
    for document in documents:
        page = maker.excerpt(document, chars=sizes.randint(SHORT_CHARS // 3, SHORT_CHARS))
        if page is None:
            continue
        questions = [question for question in document.questions if question.task not in WHOLE_PAGE_TASKS]
        turns = maker.turns(page, questions, synthetic=4)
        row = render(layout, page, turns, context=preset.row_tokens)
        if row is not None:
            yield row


def page_chars(preset: Preset) -> int:
    return int(preset.row_tokens * (1 - ANSWER_ROOM) * CHARS_PER_TOKEN)


def pretrain(preset: Preset, corpus: Path, work: Path, *, seed: int, minutes: float | None) -> Pretraining:
    """Train, or go on training, in `work`. The result is read from the returned state."""
    tokenizer, short, rows = prepare(preset, corpus, work, seed=seed)
    print(f"{len(rows):,} rows, {int(rows.starts[-1]):,} tokens, digest {rows.digest}", flush=True)
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = new_model(preset, vocabulary=len(tokenizer))
    wire_copying(model)
    run = Pretraining(preset, model, work, device=device)
    if run.resume():
        print(f"going on from step {run.step}, {run.tokens:,} tokens", flush=True)
    run.run(short, rows, seed=seed, minutes=minutes)
    return run


def make_base(
    preset_name: str, corpus: Path, *, work: Path, out: Path, seed: int = 7, minutes: float | None = None
) -> dict[str, float]:
    """The whole way of `training base`; returns the held-out figures."""
    chosen = preset(preset_name)
    run = pretrain(chosen, corpus, work, seed=seed, minutes=minutes)
    tokenizer, _, _ = prepare(chosen, corpus, work, seed=seed)
    export(run, tokenizer, out)
    model = run.model.eval()
    figures = losses(model, tokenizer, Rows.load(work / "heldout.npz"), count=200)
    documents, chars = list(read_questions(corpus)), page_chars(chosen)
    figures |= answers(model, tokenizer, held_out_questions(documents, count=QUESTIONS, chars=chars, seed=seed + 1))
    figures |= summaries(model, tokenizer, held_out_summaries(documents, count=SUMMARIES, chars=chars, seed=seed + 1))
    write_card(
        out, preset_name=preset_name, preset=chosen, figures=figures, log=run.log, tokens=run.tokens,
        hours=run.elapsed_s / 3600, parameters=sum(weight.numel() for weight in model.parameters()),
    )  # fmt: skip
    return figures


def export(run: Pretraining, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """bf16 safetensors, config and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    run.model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for file in folder.iterdir():
        file.chmod(0o644)
