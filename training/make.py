"""`python -m training train`: examples, base and recipe -> an adapter folder with lock, report and card. Called by cli.

Everything is written into a folder of its own and put in place in one step at the end: a killed run leaves the old
adapter. One run at a time for each adapter and each checkpoint.
"""

import json
import time
from pathlib import Path
from typing import Any

import torch

from server.catalog import versions
from server.errors import CopilotError
from server.files import ADAPTER_WEIGHTS, LOCK, TEXT_BYTES_MAX, read_regular, sha256_of
from server.folders import replace_folder
from training import lock
from training.dataset.corrections import taught
from training.fit import adapter
from training.fit.loop import Fit, OnEvent, new_adapter
from training.fit.memory import check_fits, estimate
from training.fit.prefix import PrefixCache
from training.job import Job
from training.material import Material
from training.measure import probes as forgetting
from training.measure.calibrate import calibrated
from training.measure.evaluate import Measured
from training.measure.figure import draw_report
from training.measure.report import build_report, card, renewed


def train(job: Job, *, on_event: OnEvent) -> dict[str, Any]:
    """Make the adapter and return its report.

    Raises DataError (`data_leak` …), BaseError, CopilotError (`copilot_busy`), TrainError (`train_running`).
    """
    with job.alone(), versions.writing(job.out) as made:
        return _train(job, made, on_event=on_event)


def _train(job: Job, made: Path, *, on_event: OnEvent) -> dict[str, Any]:
    started, key = time.monotonic(), job.key
    material = Material(job)
    on_event(
        {
            "event": "start", "copilot": job.owner, "base": job.base.name, "examples": len(material.train),
            "heldout": len(material.heldout), "supervised": material.supervised_text(material.train[0]),
        }
    )  # fmt: skip
    read = [row.whole() for row in material.everything] if job.plain else material.everything
    need = estimate(job.base, job.recipe, read, device=adapter.training_device())
    on_event({"event": "memory", "needs": str(need), "bytes": need.total, "available": need.available})
    check_fits(need, base=job.base.name)
    base = adapter.load_base(job.base, dtype=job.recipe.dtype)
    model = new_adapter(base, job.recipe, user_header=() if job.plain else material.layout.user_header)
    if job.start is not None:
        adapter.load_start(model, job.start)
    file = job.work / "checkpoint.safetensors"
    rows = [*material.train, *material.replayed]
    fit = Fit(model, job.recipe, train=rows, heldout=material.heldout, file=file, key=key, on_event=on_event)
    started_from = material.measure(model, fit.prefixes, folder=job.start), material.losses(model, fit.prefixes)
    base_alone = material.measure_base(model, fit.prefixes) if job.domain else None
    fit.run()
    adapter.round_weights(model)
    on_event({"event": "measuring"})
    report, folder = _finish(job, material, fit, *started_from, base_alone=base_alone, made=made)
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
    job: Job, material: Material, fit: Fit, before: Measured, losses: forgetting.Losses, *,
    base_alone: Measured | None, made: Path,
) -> tuple[dict[str, Any], Path]:  # fmt: skip
    """Write into `made`, measure that, put it in place. `before`, `losses`: as it started."""
    forgot = material.forgotten(losses, material.losses(fit.model, fit.prefixes))
    adapter.write_weights(fit.model, made, base_name=job.base.name)
    record = _lock(job, material, fit, weights=made / ADAPTER_WEIGHTS)
    record |= calibrated(fit.model, fit.prefixes, material.heldout, material.layout)
    _write_json(made / LOCK, record)
    after = material.measure(fit.model, fit.prefixes, folder=made)
    fresh = adapter.load_base(job.base, dtype=job.recipe.dtype)
    forgot |= forgetting.unchanged(fresh, made, material.heldout, expected=after.nll)
    report = build_report(
        job.owner, job.base.name, material.heldout, before, after, epochs=fit.progress.epochs, forgot=forgot,
        copilots=material.places(job), base_alone=base_alone, strict=job.strict,
    )  # fmt: skip
    report["taught"] = taught(job.corrections)
    _write(made, record, report)
    return report, _put_in_place(job, made, active=bool(report["active"]))


def _put_in_place(job: Job, made: Path, *, active: bool) -> Path:
    """Returns the folder. The user's own that is in use is kept, or stays when the new one gains nothing."""
    if not job.own:
        replace_folder(made, job.out)
        return job.out
    if active:
        versions.put_in_use(made, job.out)
        return job.out
    refused = versions.refused(job.out)
    replace_folder(made, refused)
    return refused


def evaluate(job: Job, *, write: bool = False) -> dict[str, Any]:
    """Measure the adapter that is in place again; `write` renews its report and card, where what the base alone does
    and the course of the training stay as they were. Raises as `train`, and CopilotError.
    """
    found = lock.read_lock(job.out)
    if found is not None and found.get("base_fingerprint") != lock.base_fingerprint(job.base):
        raise CopilotError(f"{job.out} was made for another base than {job.base.name}.", code="copilot_base_mismatch")
    material = Material(job)
    model = adapter.load_adapter(adapter.load_base(job.base, dtype=job.recipe.dtype), job.out)
    prefixes = PrefixCache(model)
    start = new_adapter(
        adapter.load_base(job.base, dtype=job.recipe.dtype),
        job.recipe,
        user_header=() if job.plain else material.layout.user_header,
    )
    if job.start is not None:
        adapter.load_start(start, job.start)
    start_prefixes = PrefixCache(start)
    before = material.measure(start, start_prefixes, folder=job.start)
    after = material.measure(model, prefixes, folder=job.out)
    forgot = material.forgotten(material.losses(start, start_prefixes), material.losses(model, prefixes))
    fresh = adapter.load_base(job.base, dtype=job.recipe.dtype)
    forgot |= forgetting.unchanged(fresh, job.out, material.heldout, expected=after.nll)
    report = build_report(
        job.owner, job.base.name, material.heldout, before, after, epochs=[], forgot=forgot,
        copilots=material.places(job), strict=job.strict,
    )  # fmt: skip
    if write and found is not None:
        former = json.loads(read_regular(job.out / "report.json", bytes_max=TEXT_BYTES_MAX))
        _write(job.out, found, renewed(report, former))
    return report


def _lock(job: Job, material: Material, fit: Fit, *, weights: Path) -> dict[str, Any]:
    """lock.json: all that the run was made of. `base_fingerprint` is what the server compares."""
    trained = sum(weight.numel() for weight in fit.weights.values())
    parameters = sum(weight.numel() for weight in fit.model.parameters()) - trained
    return {
        "format": lock.FORMAT,
        "kind": "lora" if job.plain else "alora",
        "key": fit.key,
        "copilot": job.owner,
        "base": job.base.name,
        "base_fingerprint": lock.base_fingerprint(job.base),
        "weights_sha256": sha256_of(weights),
        "seed": job.recipe.seed,
        "recipe": job.recipe.model_dump(mode="json"),
        "instructions": job.instructions,
        "data": job.digests,
        "corrections": material.corrected,
        "train_examples": len(material.train),
        "replayed_examples": len(material.replayed),
        "heldout_examples": len(material.heldout),
        "start_sha256": sha256_of(job.start / ADAPTER_WEIGHTS) if job.start else None,
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
