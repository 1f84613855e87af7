"""`python -m training base`: corpus folder -> weights, held-out figures, model card."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerFast, Qwen3ForCausalLM

from server.errors import BaseError
from training.base.card import facts, read_facts, write_card
from training.base.corpus import read_questions
from training.base.evaluate import answers, held_out_questions, losses
from training.base.places import PlaceHeads
from training.base.prepare import HELD_OUT_SEED, held_out_rows, prepare, tokenizer_of
from training.base.presets import Preset, preset
from training.base.pretrain import Pretraining, new_model
from training.base.summaries import held_out_summaries, summaries
from training.base.wiring import wire_copying

SHARD_SIZE = "15MB"  # small enough for any version control and mail
QUESTIONS, SUMMARIES, LOSS_ROWS = 400, 60, 200  # held-out ones that are measured on
START = "start"  # in a work folder: the base that the run went on from


def pretrain(
    preset: Preset, corpus: Path, work: Path, *, seed: int, minutes: float | None, start: Path | None = None
) -> Pretraining:
    """Train, or go on training, in `work`. The result is read from the returned state. Raises DataError, BaseError."""
    if start is not None:
        begin_from(start, preset, work)
    stages = prepare(preset, corpus, work, seed=seed)
    tokenizer = tokenizer_of(work)
    device = _device()
    torch.manual_seed(seed)
    if (work / START).exists():
        model = Qwen3ForCausalLM.from_pretrained(work / START, dtype=torch.float32, local_files_only=True)
    else:
        model = new_model(preset, vocabulary=len(tokenizer))
        wire_copying(model)
    places = PlaceHeads(tokenizer, hidden=preset.hidden, layers=preset.layers)
    run = Pretraining(preset, model, places, work, device=device)
    if run.resume(minutes=minutes):
        print(f"going on from step {run.state.step}, {run.state.tokens:,} tokens", flush=True)
    try:
        if device == "cpu":
            stages.wait()
        run.run(stages.stages, seed=seed, minutes=minutes)
    finally:
        stages.close()
    return run


def begin_from(start: Path, preset: Preset, work: Path) -> None:
    """Copies a base of this shape into `work`, where the run reads it: `start` may be where the result will go."""
    if (work / START).exists():
        return
    try:
        config = json.loads((start / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BaseError(f"{start} is not the folder of a base model: {error}", code="base_unreadable") from error
    other = [name for name, size in preset.shape.items() if config.get(name) != size]
    if other:
        raise BaseError(f"{start} has another shape than the preset: {', '.join(other)}.", code="base_unsupported")
    AutoTokenizer.from_pretrained(start, local_files_only=True).save_pretrained(work / "tokenizer")
    shutil.copytree(start, work / f"{START}.new", dirs_exist_ok=True)
    (work / f"{START}.new").replace(work / START)  # last: a run that was killed before begins anew


def make_base(
    preset_name: str, corpus: Path, *, work: Path, out: Path,
    seed: int = 7, minutes: float | None = None, tokens: int | None = None, start: Path | None = None,
) -> dict[str, float]:  # fmt: skip
    """The whole way of `training base`; returns the held-out figures.

    `tokens` is a budget other than the preset's, `start` the folder of a base that the run goes on from.
    """
    chosen = preset(preset_name)
    chosen = replace(chosen, tokens=tokens or chosen.tokens)
    chosen = chosen.going_on() if start else chosen
    run = pretrain(chosen, corpus, work, seed=seed, minutes=minutes, start=start)
    export(run, tokenizer_of(work), out)
    write_card(out, facts(
        preset_name=preset_name, preset=chosen, log=run.state.log, tokens=run.state.tokens,
        hours=run.state.elapsed_s / 3600, minutes=minutes, seed=seed, machine=_machine(run.device),
        parameters=sum(weight.numel() for weight in run.model.parameters()), start=work / START if start else None,
    ))  # fmt: skip
    return measure(out, preset_name, corpus, work=work)


def measure(folder: Path, preset_name: str, corpus: Path, *, work: Path) -> dict[str, float]:
    """The held-out figures of the base in `folder`, which go into its card. Raises BaseError, DataError."""
    chosen = preset(preset_name)
    if not (work / "tokenizer").exists():
        _read_tokenizer(folder).save_pretrained(work / "tokenizer")
    rows, device = held_out_rows(chosen, corpus, work, seed=HELD_OUT_SEED), _device()
    model = Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).to(device).eval()
    tokenizer = tokenizer_of(work)
    figures = losses(model, tokenizer, rows, count=LOSS_ROWS)
    documents, last = list(read_questions(corpus)), chosen.stages[-1]
    asked = held_out_questions(documents, count=QUESTIONS, stage=last, seed=HELD_OUT_SEED + 1)
    figures |= answers(model, tokenizer, asked)
    told = held_out_summaries(documents, count=SUMMARIES, chars=chosen.page_chars, seed=HELD_OUT_SEED + 1)
    figures |= summaries(model, tokenizer, told)
    write_card(folder, read_facts(folder) | {"held_out": {name: round(value, 4) for name, value in figures.items()}})
    return figures


def _read_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    try:
        tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise BaseError(f"{folder} is not the folder of a base model: {error}", code="base_unreadable") from error
    return tokenizer


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _machine(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} processor cores"


def export(run: Pretraining, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """bf16 safetensors in shards, config and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("model*.safetensors*"):  # of an earlier run, which may have had another number of shards
        file.unlink()
    run.model.save_pretrained(folder, max_shard_size=SHARD_SIZE)
    tokenizer.save_pretrained(folder)
    for file in folder.iterdir():
        file.chmod(0o644)
