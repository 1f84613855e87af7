"""`python -m training base`: corpus folder -> tokenizer, rows, weights, held-out figures, model card."""

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from server.prompt import PromptLayout
from training.base.card import write_card
from training.base.corpus import Document, read_prose, read_questions
from training.base.evaluate import answers, held_out_questions, losses
from training.base.places import PlaceHeads
from training.base.presets import Preset, Stage, preset
from training.base.pretrain import Pretraining, new_model
from training.base.rows import Row, Rows, collect, render
from training.base.summaries import held_out_summaries, summaries
from training.base.tasks import WHOLE_PAGE_TASKS, TaskMaker
from training.base.tokenizer import train_tokenizer
from training.base.wiring import wire_copying

TOKENIZER_PAGES = 8000
CHARS_PER_TOKEN = 3.6
QUESTION_ROOM_MIN = 400  # tokens
HELD_OUT_ROWS = 400
SHORT_CHARS = 900
QUESTIONS = 120
SUMMARIES = 40


def prepare(preset: Preset, corpus: Path, work: Path, *, seed: int) -> tuple[PreTrainedTokenizerFast, list[Rows]]:
    """Tokenizer and the rows of every stage, made once and kept in `work`; held-out rows beside them.

    A `work` that has the tokenizer but no rows gets new ones, for weights that know these tokens.
    """
    work.mkdir(parents=True, exist_ok=True)
    files = [work / f"rows-{number}.npz" for number, _ in enumerate(preset.stages, start=1)]
    if files[-1].exists():
        tokenizer = AutoTokenizer.from_pretrained(work / "tokenizer", local_files_only=True)
        return tokenizer, [Rows.load(file) for file in files]
    documents = list(read_questions(corpus))
    prose = list(read_prose(corpus, chars=preset.page_chars))
    shuffled = random.Random(seed)  # noqa: S311
    shuffled.shuffle(documents)
    shuffled.shuffle(prose)
    kept, unseen = ([d for d in documents if d.held_out == held_out] for held_out in (False, True))
    kept_prose, unseen_prose = ([d for d in prose if d.held_out == held_out] for held_out in (False, True))
    if not (work / "tokenizer").exists():
        pages = itertools.chain(kept[:TOKENIZER_PAGES], kept_prose[:TOKENIZER_PAGES])
        texts = ("\n".join(document.blocks) for document in pages)
        train_tokenizer(texts, vocabulary=preset.vocabulary, context=preset.context).save_pretrained(work / "tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(work / "tokenizer", local_files_only=True)
    layout = PromptLayout(tokenizer)
    last = make_rows(unseen + unseen_prose[: len(unseen)], layout, preset.stages[-1], seed=seed + 1)
    collect(itertools.islice(last, HELD_OUT_ROWS), tokens_max=preset.tokens).save(work / "heldout.npz")
    mixed = kept + kept_prose[: int(len(kept) * preset.prose_share / (1 - preset.prose_share))]
    stages = []
    for number, (stage, file) in enumerate(zip(preset.stages, files, strict=True)):
        shuffled.shuffle(mixed)
        made = make_rows(mixed, layout, stage, seed=seed + 2 + number)
        stages.append(collect(made, tokens_max=int(preset.tokens * stage.share)))
        stages[-1].save(file)
    return tokenizer, stages


def make_rows(documents: Sequence[Document], layout: PromptLayout, stage: Stage, *, seed: int) -> Iterator[Row]:
    """Endless epochs of pages, their lengths evenly spread in the logarithm, with questions for half as many tokens."""
    maker = TaskMaker(seed, entry_share=stage.entries, pointer_share=stage.pointers)
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
            room = max(QUESTION_ROOM_MIN, int(chars / CHARS_PER_TOKEN / 2))
            row = render(layout, page, maker.branches(page, asked), room=room)
            if row is not None:
                made = True
                yield row


def pretrain(preset: Preset, corpus: Path, work: Path, *, seed: int, minutes: float | None) -> Pretraining:
    """Train, or go on training, in `work`. The result is read from the returned state."""
    tokenizer, stages = prepare(preset, corpus, work, seed=seed)
    for number, rows in enumerate(stages, start=1):
        print(f"stage {number}: {len(rows):,} rows, {int(rows.starts[-1]):,} tokens, digest {rows.digest}", flush=True)
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = new_model(preset, vocabulary=len(tokenizer))
    wire_copying(model)
    places = PlaceHeads(tokenizer, hidden=preset.hidden, layers=preset.layers)
    run = Pretraining(preset, model, places, work, device=device)
    if run.resume():
        print(f"going on from step {run.step}, {run.tokens:,} tokens", flush=True)
    run.run(stages, seed=seed, minutes=minutes)
    return run


def make_base(
    preset_name: str, corpus: Path, *, work: Path, out: Path, seed: int = 7, minutes: float | None = None
) -> dict[str, float]:
    """The whole way of `training base`; returns the held-out figures."""
    chosen = preset(preset_name)
    run = pretrain(chosen, corpus, work, seed=seed, minutes=minutes)
    tokenizer, _ = prepare(chosen, corpus, work, seed=seed)
    export(run, tokenizer, out)
    model = run.model.eval()
    figures = losses(model, tokenizer, Rows.load(work / "heldout.npz"), count=200)
    documents, chars = list(read_questions(corpus)), chosen.page_chars
    figures |= answers(model, tokenizer, held_out_questions(documents, count=QUESTIONS, chars=chars, seed=seed + 1))
    figures |= summaries(model, tokenizer, held_out_summaries(documents, count=SUMMARIES, chars=chars, seed=seed + 1))
    write_card(
        out, preset_name=preset_name, preset=chosen, figures=figures, log=run.log, tokens=run.tokens,
        hours=run.elapsed_s / 3600, minutes=minutes, parameters=sum(weight.numel() for weight in model.parameters()),
    )  # fmt: skip
    return figures


def export(run: Pretraining, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """bf16 safetensors, config and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    run.model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for file in folder.iterdir():
        file.chmod(0o644)
