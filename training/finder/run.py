"""`python -m training train finder`: makes adapters/finder/_adapters/<encoder>. The server merges it into the encoder.

Called by cli. Measured on held-out pages, by how often the unit that answers is the first, or among the first.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, BertModel

from server.catalog import versions
from server.catalog.layout import FINDER
from server.engine.adapter_lock import AdapterLock, write_lock
from server.engine.local.encoder import SentenceEncoder
from server.files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, SMALL_BYTES_MAX, read_regular, sha256_of
from server.folders import replace_folder
from server.text.finder import Encoder
from training import lock
from training.finder.fit import ALPHA, LR, RANK, FinderFit, OnEvent
from training.finder.questions import AskedPage, corpus_questions, example_questions, own_questions
from training.general.corpus import read_questions

FIRST = (1, 4, 5, 8)  # places looked at
SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FinderJob:
    """`encoder`: folder of the sentence encoder without an adapter."""

    encoder: Path
    corpus: Path
    data: Path
    out: Path
    minutes: float


def train_finder(job: FinderJob, *, on_event: OnEvent) -> dict[str, Any]:
    """Make the adapter and return its report. Raises DataError."""
    own = [*own_questions(job.data), *example_questions(job.data, "train")]
    documents = [one for one in read_questions(job.corpus) if one.questions and not one.held_out]
    encoder = BertModel.from_pretrained(job.encoder, local_files_only=True, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(job.encoder, local_files_only=True)
    fit = FinderFit(encoder, tokenizer, own, corpus_questions(documents, seed=SEED), seed=SEED, on_event=on_event)
    steps = fit.run(minutes=job.minutes)
    with versions.writing(job.out) as made:
        fit.model.to(torch.bfloat16).save_pretrained(str(made))
        report = finish(job, made, steps=steps, trainable=sum(weight.numel() for weight in fit.weights))
        replace_folder(made, job.out)
    on_event({"event": "done", "folder": str(job.out), **report["heldout"]})
    return report


def finish(job: FinderJob, made: Path, *, steps: int, trainable: int) -> dict[str, Any]:
    """Measure the adapter in `made` and write lock, report and card into it; returns the report."""
    config = json.loads(read_regular(made / ADAPTER_CONFIG, bytes_max=SMALL_BYTES_MAX))
    config["base_model_name_or_path"] = job.encoder.name  # not a path of this machine
    _write(made / ADAPTER_CONFIG, config)
    heldout = example_questions(job.data, "heldout")
    report = {
        "questions": sum(len(page.questions) for page in heldout),
        "pages": len(heldout),
        "before": figures(heldout, SentenceEncoder(job.encoder)),
        "heldout": figures(heldout, SentenceEncoder(job.encoder, adapter=made)),
    }
    _write(made / "report.json", report)
    write_lock(made, AdapterLock.model_validate({
        "format": lock.FORMAT, "kind": "lora", "base": job.encoder.name,
        "base_sha256": sha256_of(job.encoder / "model.safetensors"),
        "weights_sha256": sha256_of(made / ADAPTER_WEIGHTS), "trainable": trainable,
        "recipe": {"rank": RANK, "alpha": ALPHA, "lr": LR, "minutes": job.minutes, "steps": steps, "seed": SEED},
        "data": sha256_of(job.data / FINDER / "train.jsonl"), "made": time.strftime("%Y-%m-%d", time.gmtime()),
        "versions": lock.versions(),
    }))  # fmt: skip
    (made / "README.md").write_text(card(report, encoder=job.encoder.name, trainable=trainable), encoding="utf-8")
    return report


def figures(pages: Sequence[AskedPage], encoder: Encoder) -> dict[str, float]:
    """Share of the questions whose first answering unit is among the first 1, 4, 5 and 8."""
    found = dict.fromkeys(FIRST, 0)
    asked = 0
    for page in pages:
        page.finder.encode(encoder)
        for question in page.questions:
            ranked = [passage.unit for passage in page.finder.search(question.text, encoder)]
            place = min(ranked.index(page.finder.units[answer]) for answer in question.answers)
            asked += 1
            for first in FIRST:
                found[first] += place < first
    return {f"first_{first}": round(count / max(1, asked), 4) for first, count in found.items()}


def card(report: dict[str, Any], *, encoder: str, trainable: int) -> str:
    before, after = report["before"], report["heldout"]
    rows = (
        f"| among the first {first} | {before[f'first_{first}']:.2f} | {after[f'first_{first}']:.2f} |"
        for first in FIRST
    )
    return "\n".join([
        "---", f"base_model: {encoder}", "library_name: peft", "license: apache-2.0", "---",
        f"# The finder's adapter for {encoder}",
        "",
        "Ranks the sentences of a page by how well they answer a question. A LoRA of rank "
        f"{RANK}, {trainable:,} weights, merged into the encoder when it is loaded.",
        "",
        f"Measured on {report['questions']} held-out questions on {report['pages']} pages, half of them written to "
        "share no word with the sentence that answers:",
        "",
        "| the sentence that answers is | encoder alone | with this adapter |", "| --- | --- | --- |", *rows, "",
    ])  # fmt: skip


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
