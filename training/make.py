"""`python -m training train`: examples, base and recipe -> an adapter folder with lock, report and card. Called by cli.

Everything is written into a temporary folder and moved into place at the end: a killed run leaves the old adapter.
"""

import itertools
import json
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from server.catalog import versions
from server.catalog.bases import EncoderFiles
from server.catalog.copilots import Copilot
from server.catalog.layout import GENERAL, PAGES, pages_folder
from server.errors import CopilotError
from server.files import LOCK, sha256_of
from server.text.prompt import PromptLayout
from training import lock
from training.dataset.examples import Examples
from training.dataset.render import Rendered, Renderer
from training.dataset.search import Search, open_encoder
from training.fit import adapter
from training.fit.loop import Fit, OnEvent, new_adapter
from training.fit.memory import check_fits, estimate
from training.fit.prefix import PrefixCache
from training.measure import probes as forgetting
from training.measure.evaluate import Measured, measure
from training.measure.figure import draw_report
from training.measure.report import build_report, card
from training.recipe import Recipe

_READ = frozenset({"train.jsonl", "heldout.jsonl"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One adapter to be made: `out` is its folder, `work` keeps the checkpoint of an unfinished run."""

    copilot: Copilot
    base: Path
    recipe: Recipe
    out: Path
    work: Path
    data: Path  # the root of all examples: adapters/
    others: tuple[Copilot, ...] = ()  # a few, on whose held-out examples forgetting is measured
    corrections: Path | None = None  # the user's own examples, added to them
    start: Path | None = None  # the adapter to start from, mostly the general one; None: a fresh one
    encoder: EncoderFiles | None = None  # the finder's; without it passages are found by words alone
    own: bool = False  # the adapter is the user's: the one in use is kept, or stays when the new one gains nothing

    @property
    def key(self) -> str:
        start = {"start": sha256_of(self.start / adapter.WEIGHTS)} if self.start else {}
        return lock.run_key(
            data=self.digests | start, instructions=self.copilot.instructions, checks=self.copilot.checks,
            base=lock.base_fingerprint(self.base), recipe=self.recipe,
        )  # fmt: skip

    @property
    def digests(self) -> dict[str, str]:
        found = lock.data_digests(self.data / self.copilot.id, pages=pages_folder(self.data, self.copilot.id))
        replayed = forgetting.general_folder(self.data) / "train.jsonl"
        if self.recipe.replay_share and replayed.is_file():
            found["replayed"] = sha256_of(replayed)
        if self.corrections is not None:
            own = lock.data_digests(self.corrections, pages=self.corrections / PAGES)
            found |= {f"corrections/{name}": digest for name, digest in own.items() if name in _READ or "/" in name}
        return found

    @property
    def up_to_date(self) -> bool:
        """The adapter in place was of the same data, base, recipe and instructions, and its weights are whole."""
        found = lock.read_lock(self.out)
        weights = self.out / adapter.WEIGHTS
        if found is None or found.get("key") != self.key or not weights.exists():
            return False
        return found.get("weights_sha256") == sha256_of(weights)


class Bench:
    """Tokenizer, layout and rendered rows of one job."""

    def __init__(self, job: Job) -> None:
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(job.base, local_files_only=True)
        self.layout = PromptLayout(self.tokenizer)
        config = json.loads((job.base / "config.json").read_text(encoding="utf-8"))
        context = int(config["max_position_embeddings"])
        search = Search(open_encoder(job.encoder))
        renderer = Renderer(self.layout, instructions=job.copilot.instructions, context=context, search=search)
        examples = Examples(job.copilot.id, data=job.data, corrections=job.corrections)
        self.corrected = examples.corrected
        self.train = renderer.rows(_with_pages(examples, "train"))
        self.heldout = renderer.rows(_with_pages(examples, "heldout"))
        self.general_folder = forgetting.general_folder(job.data)
        plain = Renderer(self.layout, instructions="", context=context, search=search)
        count = round(job.recipe.replay_share * len(self.train))
        self.replayed = forgetting.replayed(self.general_folder, plain, count=count)
        self.probes = {
            GENERAL: forgetting.general_rows(self.general_folder, plain),
            **forgetting.rows_of_others(job.others, job.data, self.layout, context=context),
        }
        self.checks, self.base = job.copilot.checks, job.base

    def measure(self, model: PeftModel, prefixes: PrefixCache, *, folder: Path | None) -> Measured:
        """The held-out rows with the model as it is now; `folder` is where the same adapter lies, None for the base."""
        return measure(model, prefixes, self.heldout, self.checks, base=self.base, adapter=folder)

    def losses(self, model: PeftModel, prefixes: PrefixCache) -> forgetting.Losses:
        """On general questions and on some other copilots', with the model as it is now."""
        return forgetting.losses(model, prefixes, self.probes)

    def forgotten(self, before: forgetting.Losses, after: forgetting.Losses) -> dict[str, Any]:
        found = forgetting.compared(before, after, self.probes)
        return found | {"general_sha256": forgetting.digest(self.general_folder)}

    @property
    def everything(self) -> list[Rendered]:
        """All rows whose pages will be read."""
        return [*self.train, *self.replayed, *self.heldout, *itertools.chain.from_iterable(self.probes.values())]

    def supervised_text(self, row: Rendered) -> str:
        return str(self.tokenizer.decode(list(row.suffix[row.answer_at :])))


def train(job: Job, *, on_event: OnEvent) -> dict[str, Any]:
    """Make the adapter and return its report. Raises DataError, BaseError, CopilotError."""
    started, key = time.monotonic(), job.key
    bench = Bench(job)
    on_event(
        {
            "event": "start", "copilot": job.copilot.id, "base": job.base.name, "examples": len(bench.train),
            "heldout": len(bench.heldout), "supervised": bench.supervised_text(bench.train[0]),
        }
    )  # fmt: skip
    need = estimate(job.base, job.recipe, bench.everything, device=adapter.training_device())
    on_event({"event": "memory", "needs": str(need), "bytes": need.total, "available": need.available})
    check_fits(need, base=job.base.name)
    base = adapter.load_base(job.base, dtype=job.recipe.dtype)
    model = new_adapter(base, job.recipe, user_header=bench.layout.user_header)
    if job.start is not None:
        adapter.load_start(model, job.start)
    file = job.work / "checkpoint.safetensors"
    rows = [*bench.train, *bench.replayed]
    fit = Fit(model, job.recipe, train=rows, heldout=bench.heldout, file=file, key=key, on_event=on_event)
    started_from = bench.measure(model, fit.prefixes, folder=job.start), bench.losses(model, fit.prefixes)
    fit.run()
    adapter.round_weights(model)
    on_event({"event": "measuring"})
    report, folder = _finish(job, bench, fit, *started_from, key=key)
    file.unlink(missing_ok=True)
    on_event(
        {
            "event": "done", "active": report["active"], "reason": report["reason"], "folder": str(folder),
            "seconds": round(time.monotonic() - started, 1),
            **{name: {when: report[name][when] for when in ("before", "after")} for name in ("loss", "checks")},
            "general_rise": report["forgetting"]["general"]["rise_share"],
        }
    )  # fmt: skip
    return report


def _finish(
    job: Job, bench: Bench, fit: Fit, before: Measured, losses: forgetting.Losses, *, key: str
) -> tuple[dict[str, Any], Path]:
    """Write into a temporary folder, measure that, move it into place. `before`, `losses`: as it started."""
    forgot = bench.forgotten(losses, bench.losses(fit.model, fit.prefixes))
    job.out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{job.out.name}.", dir=job.out.parent))
    try:
        adapter.write_weights(fit.model, made, base_name=job.base.name)
        record = _lock(job, bench, fit, key=key, weights=made / adapter.WEIGHTS)
        _write_json(made / LOCK, record)
        after = bench.measure(fit.model, fit.prefixes, folder=made)
        fresh = adapter.load_base(job.base, dtype=job.recipe.dtype)
        forgot |= forgetting.unchanged(fresh, made, bench.heldout, expected=after.nll)
        report = build_report(
            job.copilot.id, job.base.name, bench.heldout, before, after, epochs=fit.progress.epochs, forgot=forgot
        )
        _write(made, record, report)
        place = _place(job, active=bool(report["active"]))
        adapter.put_in_place(made, place)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return report, place


def _place(job: Job, *, active: bool) -> Path:
    """Where the finished folder goes. The user's own that is in use is kept, or stays when the new gains nothing."""
    if not job.own:
        return job.out
    if not active:
        versions.refused(job.out).parent.mkdir(parents=True, exist_ok=True)
        return versions.refused(job.out)
    versions.keep(job.out)
    return job.out


def evaluate(job: Job) -> dict[str, Any]:
    """Measure the adapter that is in place again. Writes nothing. Raises as `train`, and CopilotError."""
    found = lock.read_lock(job.out)
    if found is not None and found.get("base_fingerprint") != lock.base_fingerprint(job.base):
        raise CopilotError(f"{job.out} was made for another base than {job.base.name}.", code="copilot_base_mismatch")
    bench = Bench(job)
    model = adapter.load_adapter(adapter.load_base(job.base, dtype=job.recipe.dtype), job.out)
    prefixes = PrefixCache(model)
    start = new_adapter(
        adapter.load_base(job.base, dtype=job.recipe.dtype), job.recipe, user_header=bench.layout.user_header
    )
    if job.start is not None:
        adapter.load_start(start, job.start)
    start_prefixes = PrefixCache(start)
    before = bench.measure(start, start_prefixes, folder=job.start)
    after = bench.measure(model, prefixes, folder=job.out)
    forgot = bench.forgotten(bench.losses(start, start_prefixes), bench.losses(model, prefixes))
    fresh = adapter.load_base(job.base, dtype=job.recipe.dtype)
    forgot |= forgetting.unchanged(fresh, job.out, bench.heldout, expected=after.nll)
    return build_report(job.copilot.id, job.base.name, bench.heldout, before, after, epochs=[], forgot=forgot)


def _lock(job: Job, bench: Bench, fit: Fit, *, key: str, weights: Path) -> dict[str, Any]:
    """lock.json: all that the run was made of. `base_fingerprint` is what the server compares."""
    trained = sum(weight.numel() for weight in fit.weights.values())
    parameters = sum(weight.numel() for weight in fit.model.parameters()) - trained
    return {
        "format": lock.FORMAT,
        "kind": "alora",
        "key": key,
        "copilot": job.copilot.id,
        "base": job.base.name,
        "base_fingerprint": lock.base_fingerprint(job.base),
        "weights_sha256": sha256_of(weights),
        "seed": job.recipe.seed,
        "recipe": job.recipe.model_dump(mode="json"),
        "instructions": job.copilot.instructions,
        "data": job.digests,
        "corrections": bench.corrected,
        "train_examples": len(bench.train),
        "replayed_examples": len(bench.replayed),
        "heldout_examples": len(bench.heldout),
        "start_sha256": sha256_of(job.start / adapter.WEIGHTS) if job.start else None,
        "steps": fit.progress.step,
        "epochs": fit.progress.epoch,
        "best_epoch": fit.progress.best_epoch,
        "trainable": trained,
        "trainable_share": round(trained / parameters, 6),
        "versions": lock.versions(),
        "machine": {
            "device": fit.model.device.type,
            "dtype": str(fit.model.dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
            "vectors": torch.backends.cpu.get_cpu_capability(),
        },
    }


def _write(folder: Path, record: dict[str, Any], report: dict[str, Any]) -> None:
    draw_report(report, folder / "report.png")
    _write_json(folder / "report.json", report)
    (folder / "README.md").write_text(card(record, report), encoding="utf-8")


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _with_pages(examples: Examples, split: Literal["train", "heldout"]) -> list[tuple[Any, Any]]:
    return [(example, examples.pages[split][example.page]) for example in examples.rows[split]]
