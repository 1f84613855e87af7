"""`python -m training train general`: makes adapters/general/_adapters/<base>, from which other adapters start.

Called by cli. Everything is written into a temporary folder and put in place in one step at the end; a killed run
resumes from its checkpoint.
"""

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from server.catalog import versions
from server.catalog.bases import EncoderFiles
from server.catalog.copilots import Copilot
from server.catalog.layout import GENERAL, pages_folder
from server.engine.adapter_lock import AdapterLock, write_lock
from server.errors import DataError
from server.files import ADAPTER_WEIGHTS, CONFIG_BYTES_MAX, read_regular, sha256_of
from server.folders import replace_folder
from server.text.prompt import PromptLayout
from training import lock
from training.dataset.examples import Examples
from training.dataset.render import Rendered, Renderer
from training.dataset.search import Search, open_encoder
from training.fit import adapter
from training.fit.loop import new_adapter
from training.fit.prefix import PrefixCache
from training.general.card import card
from training.general.corpus import read_questions
from training.general.figures import figures
from training.general.fit import GeneralFit, OnEvent, quoted_weights
from training.general.rows import Own, Rows
from training.general.taught import Taught
from training.job import alone_in
from training.measure.calibrate import calibrated
from training.measure.served import answers
from training.recipe import Recipe

HELD_OUT_LOSS_ROWS = 64  # of each kind, looked at while it trains
HELD_OUT_CORPUS_ROWS = 100  # extractive questions of people on articles that were not trained on
HELD_OUT_SEED = 99
SAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralJob:
    """`start`: an adapter folder to go on from. `rows`: how many the run sees. `work` keeps the checkpoint."""

    base: Path
    encoder: EncoderFiles | None
    corpus: Path
    data: Path
    out: Path
    work: Path
    recipe: Recipe
    rows: int
    copilots: tuple[Copilot, ...] = ()  # whose examples it sees too, after their instructions
    start: Path | None = None

    @property
    def key(self) -> str:
        data = self.digests
        start = sha256_of(self.start / ADAPTER_WEIGHTS) if self.start else ""
        data |= {"start": start, "rows": str(self.rows)}
        instructions = {copilot.id: copilot.instructions for copilot in self.copilots}
        return lock.run_key(
            data=data, instructions=json.dumps(instructions, sort_keys=True) if instructions else "", checks=(),
            base=lock.base_fingerprint(self.base), recipe=self.recipe,
        )  # fmt: skip

    @property
    def digests(self) -> dict[str, str]:
        found = lock.data_digests(self.data / GENERAL, pages=pages_folder(self.data, GENERAL))
        for copilot in self.copilots:
            found[f"{copilot.id}/train.jsonl"] = sha256_of(self.data / copilot.id / "train.jsonl")
        return found


class Material:
    """Tokenizer, layout, and the rows to train on and to measure on."""

    def __init__(self, job: GeneralJob) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(job.base, local_files_only=True)
        self.layout = PromptLayout(self.tokenizer)
        config = json.loads(read_regular(job.base / "config.json", bytes_max=CONFIG_BYTES_MAX))
        search = Search(open_encoder(job.encoder))
        renderer = Renderer(self.layout, instructions="", context=int(config["max_position_embeddings"]), search=search)
        examples = Examples(GENERAL, data=job.data)
        documents = list(read_questions(job.corpus))
        own = [Own(example, examples.pages["train"][example.page], renderer) for example in examples.rows["train"]]
        taught = Taught(job.copilots, data=job.data, plain=renderer)
        self.rows = Rows(documents, own, renderer, search, seed=job.recipe.seed, copilots=taught.train)
        unseen = Rows(documents, [], renderer, search, seed=HELD_OUT_SEED, held_out=True)
        self.own = renderer.rows([(one, examples.pages["heldout"][one.page]) for one in examples.rows["heldout"]])
        self.corpus = unseen.chunk(0)
        self.people = unseen.extractive(HELD_OUT_CORPUS_ROWS)
        self.copilots = taught.some_held_out(HELD_OUT_LOSS_ROWS)
        if not self.own or not self.corpus:
            raise DataError("There is nothing to measure on: no held-out rows.", code="data_missing")

    def heldout(self) -> dict[str, list[Rendered]]:
        """The rows whose loss is looked at while it trains."""
        own = random.Random(HELD_OUT_SEED).sample(self.own, min(HELD_OUT_LOSS_ROWS, len(self.own)))  # noqa: S311
        found = {"own": own, "corpus": self.corpus[:HELD_OUT_LOSS_ROWS]}
        return found | ({"copilots": self.copilots} if self.copilots else {})


def train_general(job: GeneralJob, *, minutes: float | None, on_event: OnEvent) -> dict[str, Any]:
    """Make the adapter and return its report; with `minutes` the run may stop before its last row and be gone on with.

    Raises DataError, BaseError, CopilotError (`copilot_busy`), TrainError (`train_running`).
    """
    with alone_in(job.work), versions.writing(job.out) as made:
        return _train(job, made, minutes=minutes, on_event=on_event)


def _train(job: GeneralJob, made: Path, *, minutes: float | None, on_event: OnEvent) -> dict[str, Any]:
    started, material = time.monotonic(), Material(job)
    model = new_adapter(adapter.load_base(job.base, dtype=job.recipe.dtype), job.recipe,
                        user_header=material.layout.user_header)  # fmt: skip
    if job.start is not None:
        adapter.load_start(model, job.start)
    fit = GeneralFit(
        model, job.recipe, material.rows, rows_max=job.rows, heldout=material.heldout(),
        weigh=quoted_weights(material.tokenizer), file=job.work / "checkpoint.safetensors", key=job.key,
        on_event=on_event,
    )  # fmt: skip
    fit.run(minutes=minutes)
    adapter.round_weights(model)
    on_event({"event": "measuring"})
    adapter.write_weights(model, made, base_name=job.base.name)
    record = _lock(job, fit, made, trained=sum(weight.numel() for weight in fit.weights.values()))
    held = [*material.own, *material.copilots]
    record |= calibrated(model, PrefixCache(model), held, material.layout)
    report = finish(job, made, record, material, curve=fit.progress.curve)
    replace_folder(made, job.out)
    on_event(
        {"event": "done", "folder": str(job.out), "seconds": round(time.monotonic() - started, 1), **report["own"]}
    )
    return report


def finish(
    job: GeneralJob, made: Path, record: dict[str, Any], material: Material, *, curve: Sequence[dict[str, float]]
) -> dict[str, Any]:
    """Measure the adapter in `made` as it is served and write its lock, report and card."""
    write_lock(made, AdapterLock.model_validate(record))
    report = {"base": job.base.name, "rows": record["rows"], "curve": list(curve), **measure(job, made, material)}
    _write(made / "report.json", report)
    (made / "README.md").write_text(card(record, report), encoding="utf-8")
    return report


def measure(job: GeneralJob, folder: Path | None, material: Material) -> dict[str, Any]:
    """Figures of served answers, with the adapter and by the base alone, and some answers as they came."""
    found: dict[str, Any] = {}
    for name, rows in (("own", material.own), ("people", material.people)):
        served = answers(job.base, rows, adapter=folder)
        found[name] = figures(rows, served)
        found[f"{name}_rows"] = len(rows)
        found[f"{name}_base_alone"] = figures(rows, answers(job.base, rows, adapter=None))
        if name == "own":
            step = max(1, len(rows) // SAMPLES)
            found["samples"] = [
                {"page": row.example.page, "question": row.example.question, "answer": answer}
                for row, answer in list(zip(rows, served, strict=True))[::step]
            ]
    return found


def _lock(job: GeneralJob, fit: GeneralFit, made: Path, *, trained: int) -> dict[str, Any]:
    parameters = sum(weight.numel() for weight in fit.model.parameters()) - trained
    return {
        "format": lock.FORMAT,
        "kind": "alora",
        "key": job.key,
        "copilot": GENERAL,
        "base": job.base.name,
        "base_fingerprint": lock.base_fingerprint(job.base),
        "weights_sha256": sha256_of(made / ADAPTER_WEIGHTS),
        "start_sha256": sha256_of(job.start / ADAPTER_WEIGHTS) if job.start else None,
        "recipe": job.recipe.model_dump(mode="json"),
        "data": job.digests,
        "rows": fit.progress.rows,
        "minutes": round(fit.progress.seconds / 60, 1),
        "trainable": trained,
        "trainable_share": round(trained / parameters, 6),
        "versions": lock.versions(),
    }


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
