"""`python -m training train`: examples, base and recipe -> an adapter folder with lock, report and card. Called by cli.

All is written into a folder beside the place and put there at the end: a killed run leaves the old adapter.
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

from server import versions
from server.copilots import Copilot
from server.engine.quoting import Vocabulary
from server.errors import CopilotError
from server.prompt import PromptLayout
from training import adapter, finding, forgetting, lock
from training.evaluate import Measured, measure
from training.examples import DATA, Examples
from training.figure import draw_report
from training.fit import Fit, OnEvent, new_adapter
from training.memory import check_fits, estimate
from training.prefix import PrefixCache
from training.recipe import Recipe
from training.render import Rendered, Renderer
from training.report import build_report, card

_READ = frozenset({"train.jsonl", "heldout.jsonl"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One adapter to be made: `out` is its folder, `work` keeps the checkpoint of an unfinished run."""

    copilot: Copilot
    base: Path
    recipe: Recipe
    out: Path
    work: Path
    data: Path = DATA
    others: tuple[Copilot, ...] = ()  # on whose held-out examples forgetting is measured
    corrections: Path | None = None  # the user's own examples beside them
    own: bool = False  # the adapter is the user's: the one in use is kept, or stays when the new one gains nothing

    @property
    def key(self) -> str:
        return lock.run_key(
            data=self.digests, norms=self.copilot.norms, checks=self.copilot.checks,
            base=lock.base_fingerprint(self.base), recipe=self.recipe,
        )  # fmt: skip

    @property
    def digests(self) -> dict[str, str]:
        found = lock.data_digests(self.data / self.copilot.id)
        if self.corrections is not None:
            own = lock.data_digests(self.corrections)
            found |= {f"corrections/{name}": digest for name, digest in own.items() if name in _READ or "/" in name}
        return found

    @property
    def up_to_date(self) -> bool:
        """The adapter in place was made from the same data, base, recipe and norms, and its weights are whole."""
        found = lock.read_lock(self.out)
        weights = self.out / adapter.WEIGHTS
        if found is None or found.get("key") != self.key or not weights.exists():
            return False
        return found.get("weights_sha256") == lock.file_sha256(weights)


class Bench:
    """Tokenizer, layout and rendered rows of one job."""

    def __init__(self, job: Job) -> None:
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(job.base, local_files_only=True)
        self.layout = PromptLayout(self.tokenizer)
        config = json.loads((job.base / "config.json").read_text(encoding="utf-8"))
        context = int(config["max_position_embeddings"])
        renderer = Renderer(self.layout, norms=job.copilot.norms, context=context)
        examples = Examples(job.copilot.id, data=job.data, corrections=job.corrections)
        self.corrected = examples.corrected
        self.train = renderer.rows(_with_pages(examples, "train"))
        self.heldout = renderer.rows(_with_pages(examples, "heldout"))
        norms, pages, recipe = job.copilot.norms, examples.pages, job.recipe
        self.replay: list[Rendered] = []
        if recipe.replay:
            self.replay = forgetting.replay_rows(_with_pages(examples, "train"), self.layout, context=context)
        self.rehearsal: list[Rendered] = []
        if recipe.rehearsal:
            kept = [row.answer for row in examples.rows["train"] if row.kind == "answer"]
            self.rehearsal = finding.rehearsal_rows(pages["train"], kept, self.layout, norms=norms, context=context)
        self.look_ups = finding.look_up_rows(pages["heldout"], self.layout, norms=norms, context=context)
        self.general_folder = forgetting.general_folder(job.data)
        self.general = forgetting.general_rows(self.general_folder, self.layout, context=context)
        self.others = forgetting.rows_of_others(job.others, job.data, self.layout, context=context)
        self.checks = job.copilot.checks
        self.vocabulary = Vocabulary.load(job.base)

    def measure(self, model: PeftModel, prefixes: PrefixCache) -> tuple[Measured, Measured]:
        """Before (the base alone) and after (with the adapter), on the held-out rows."""
        before, after = (
            measure(model, self.tokenizer, prefixes, self.heldout, self.checks, vocabulary=self.vocabulary, off=off)
            for off in (True, False)
        )
        return before, after

    def forgotten(self, model: PeftModel, prefixes: PrefixCache) -> dict[str, Any]:
        """Loss on general questions and on other copilots', and look-ups that succeed, adapter off and on."""
        found = forgetting.losses(model, prefixes, self.general, self.others)
        kept = finding.look_up(model, self.tokenizer, prefixes, self.look_ups, vocabulary=self.vocabulary)
        return found | {"look_up": kept} | {"general_sha256": forgetting.digest(self.general_folder)}

    @property
    def everything(self) -> list[Rendered]:
        """All rows whose pages will be read."""
        own = [*self.train, *self.heldout, *self.look_ups, *self.replay, *self.rehearsal]
        return [*own, *self.general, *itertools.chain.from_iterable(self.others.values())]

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
    file = job.work / "checkpoint.safetensors"
    fit = Fit(
        model, job.recipe, train=bench.train, heldout=bench.heldout, replay=bench.replay,
        rehearsal=bench.rehearsal, file=file, key=key, on_event=on_event,
    )  # fmt: skip
    fit.run()
    adapter.round_weights(model)
    on_event({"event": "measuring"})
    report, folder = _finish(job, bench, fit, key=key)
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


def _finish(job: Job, bench: Bench, fit: Fit, *, key: str) -> tuple[dict[str, Any], Path]:
    """Measure, write everything beside the place, check what was written, put it in place."""
    before, after = bench.measure(fit.model, fit.prefixes)
    forgot = bench.forgotten(fit.model, fit.prefixes)
    job.out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{job.out.name}.", dir=job.out.parent))
    try:
        adapter.write_weights(fit.model, made, base_name=job.base.name)
        fresh = adapter.load_base(job.base, dtype=job.recipe.dtype)
        forgot |= forgetting.unchanged(fresh, made, bench.heldout, expected=after.nll)
        report = build_report(
            job.copilot.id, job.base.name, bench.heldout, before, after, epochs=fit.progress.epochs, forgot=forgot
        )
        _write(made, _lock(job, bench, fit, key=key, weights=made / adapter.WEIGHTS), report)
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
    before, after = bench.measure(model, prefixes)
    forgot = bench.forgotten(model, prefixes)
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
        "weights_sha256": lock.file_sha256(weights),
        "seed": job.recipe.seed,
        "recipe": job.recipe.model_dump(mode="json"),
        "norms": job.copilot.norms,
        "data": job.digests,
        "corrections": bench.corrected,
        "train_examples": len(bench.train),
        "heldout_examples": len(bench.heldout),
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
    for name, content in ((lock.LOCK, record), ("report.json", report)):
        (folder / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(card(record, report), encoding="utf-8")


def _with_pages(examples: Examples, split: Literal["train", "heldout"]) -> list[tuple[Any, Any]]:
    return [(example, examples.pages[split][example.page]) for example in examples.rows[split]]
