"""From examples to an adapter folder: the same each time, whatever interrupts it."""

import json
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from server.catalog.adapter_files import check_files
from server.engine.adapter_check import check_adapter
from server.engine.local.base import loader
from server.engine.local.base.adapter import read_adapter
from server.errors import CopilotError
from server.files import sha256_of
from tests.training.conftest import RECIPE
from training import make
from training.fit import loop as fit
from training.fit.adapter import load_adapter, load_base
from training.fit.loop import Event, rate
from training.fit.prefix import PrefixCache, adapter_off
from training.job import Job
from training.lock import base_fingerprint
from training.material import Material

FILES = {"README.md", "adapter_config.json", "adapter_model.safetensors", "lock.json", "report.json", "report.png"}


def quiet(event: Event) -> None: ...


@pytest.fixture
def made(job: Job) -> dict[str, Any]:
    return make.train(job, on_event=quiet)


def test_the_folder_holds_what_serving_needs_and_nothing_else(job: Job, made: dict[str, Any]) -> None:
    assert {file.name for file in job.out.iterdir()} == FILES
    assert [folder.name for folder in job.out.parent.iterdir()] == ["tiny"]  # no temporary folder is left
    assert stat.S_IMODE((job.out / "adapter_model.safetensors").stat().st_mode) == 0o644
    config = json.loads((job.out / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny"
    assert config["inference_mode"] is True
    assert config["target_modules"] == sorted(RECIPE.targets)
    lock = json.loads((job.out / "lock.json").read_text())
    assert lock["base_fingerprint"] == base_fingerprint(job.base)
    assert lock["weights_sha256"] == sha256_of(job.out / "adapter_model.safetensors")
    assert lock["steps"] == 6
    assert not (job.work / "checkpoint.safetensors").exists()
    forgot = made["forgetting"]
    assert (forgot["base_logit_diff_max"], forgot["reload_diff_max"], forgot["others"]) == (0.0, 0.0, {})
    assert (forgot["general"]["examples"], forgot["general"]["pages"]) == (2, 1)
    assert made["loss"]["after"] < made["loss"]["before"]
    card = (job.out / "README.md").read_text()
    assert f"loss per answer token | {made['loss']['before']} | {made['loss']['after']} |" in card
    assert f"{lock['trainable']:,} trained weights, {lock['trainable_share']:.2%} of the base's." in card


def test_the_server_accepts_what_was_made(job: Job, made: dict[str, Any]) -> None:
    (job.out / "report.json").unlink()  # so small a base gains too little; the gate has tests of its own
    check_files(job.out, bytes_max=10_000_000)
    base = loader.load_base(job.base, dtype=torch.float32)
    weights = read_adapter(check_adapter(job.out, base.info), base.linears)
    assert weights.activated
    assert len(weights.modules) == 14


def test_the_same_run_twice_gives_the_same_bytes(job: Job, made: dict[str, Any], tmp_path: Path) -> None:
    again = replace(job, out=tmp_path / "again")
    make.train(again, on_event=quiet)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (job.out / name).read_bytes() == (again.out / name).read_bytes()
    other = replace(job, out=tmp_path / "other", recipe=RECIPE.model_copy(update={"seed": 7}))
    make.train(other, on_event=quiet)
    assert sha256_of(other.out / "adapter_model.safetensors") != sha256_of(job.out / "adapter_model.safetensors")


class Killed(BaseException): ...


@pytest.mark.parametrize("at_step", [2, 4])
def test_a_killed_run_goes_on_to_the_same_weights(job: Job, made: dict[str, Any], tmp_path: Path, at_step: int) -> None:
    killed = replace(job, out=tmp_path / "killed", work=tmp_path / "killed-work")

    def kill(event: Event) -> None:
        if event["event"] == "step" and event["step"] == at_step:
            raise Killed

    with pytest.raises(Killed):
        make.train(killed, on_event=kill)
    assert not killed.out.exists()
    events: list[Event] = []
    report = make.train(killed, on_event=events.append)
    assert ("resumed" in [event["event"] for event in events]) is (at_step > 3)
    assert (killed.out / "adapter_model.safetensors").read_bytes() == (
        job.out / "adapter_model.safetensors"
    ).read_bytes()
    assert [epoch["heldout_loss"] for epoch in report["epochs"]] == [epoch["heldout_loss"] for epoch in made["epochs"]]


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_not_used(
    job: Job, made: dict[str, Any], tmp_path: Path
) -> None:
    wanted = (job.out / "adapter_model.safetensors").read_bytes()
    job.work.mkdir(exist_ok=True)
    for content in (b"", b"\x00" * 64, wanted):
        (job.work / "checkpoint.safetensors").write_bytes(content)
        make.train(job, on_event=quiet)
        assert (job.out / "adapter_model.safetensors").read_bytes() == wanted


def test_up_to_date_means_the_same_data_recipe_base_and_instructions(job: Job, made: dict[str, Any]) -> None:
    assert job.up_to_date
    assert not replace(job, recipe=RECIPE.model_copy(update={"lr": 1e-3})).up_to_date
    assert not replace(job, copilots=(replace(job.copilots[0], instructions="Other instructions."),)).up_to_date
    (job.out / "adapter_model.safetensors").write_bytes(b"")
    assert not job.up_to_date


def test_evaluating_the_files_gives_the_figures_of_the_training(job: Job, made: dict[str, Any]) -> None:
    again = make.evaluate(job)
    for part in ("loss", "checks", "abstention", "forgetting", "samples"):
        assert again[part] == made[part]


def test_measuring_again_may_renew_the_report_and_nothing_else(job: Job, made: dict[str, Any]) -> None:
    former = json.loads((job.out / "report.json").read_text())
    before = {file.name: file.read_bytes() for file in job.out.iterdir()}
    (job.out / "report.json").write_text(json.dumps(former | {"reason": "old"}))

    make.evaluate(job, write=True)

    renewed = json.loads((job.out / "report.json").read_text())
    assert renewed["reason"] == former["reason"]
    assert renewed["epochs"] == former["epochs"]
    assert renewed["checks"] == former["checks"]
    for name in ("adapter_model.safetensors", "adapter_config.json", "lock.json"):
        assert (job.out / name).read_bytes() == before[name]


def test_an_adapter_is_not_measured_on_another_base(job: Job, made: dict[str, Any], tmp_path: Path) -> None:
    other = Path(shutil.copytree(job.base, tmp_path / "other"))
    (other / "tokenizer.json").write_text((other / "tokenizer.json").read_text() + "\n")
    with pytest.raises(CopilotError, match="made for another base"):
        make.evaluate(replace(job, base=other))
    with pytest.raises(CopilotError, match="holds no adapter"):
        make.evaluate(replace(job, out=tmp_path / "nothing"))


def test_plain_peft_loads_the_folder_and_the_adapter_acts(job: Job, made: dict[str, Any]) -> None:
    bench = Material(job)
    model = load_adapter(load_base(job.base, dtype="float32"), job.out)
    prefixes = PrefixCache(model)
    after = bench.measure(model, prefixes, folder=job.out)
    with adapter_off(model, off=True):
        before = bench.measure(model, prefixes, folder=None)
    assert after.nll.sum() != before.nll.sum()
    tensors = load_file(job.out / "adapter_model.safetensors")
    assert all(bool(tensor.any()) for name, tensor in tensors.items() if "lora_B" in name)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}


def test_a_plain_variant_acts_on_the_page_too(job: Job, tmp_path: Path) -> None:
    plain = replace(job, out=tmp_path / "legal" / "_plain" / "tiny", plain=True)
    report = make.train(plain, on_event=quiet)

    assert json.loads((plain.out / "lock.json").read_text())["kind"] == "lora"
    base = loader.load_base(job.base, dtype=torch.float32)
    assert not read_adapter(check_adapter(plain.out, base.info), base.linears).activated
    assert report["loss"]["after"] < report["loss"]["before"]
    assert (report["forgetting"]["base_logit_diff_max"], report["forgetting"]["reload_diff_max"]) == (0.0, 0.0)
    row = Material(plain).heldout[0]
    ids = torch.tensor([[*row.prefix, *row.suffix]])
    model, size = load_adapter(load_base(job.base, dtype="float32"), plain.out), row.answer_tokens
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0, -size - 1 : -1]  # as vLLM computes it: PEFT's own forward pass
    expected = torch.nn.functional.cross_entropy(logits, ids[0, -size:], reduction="sum")
    assert fit.held_out_nll(model, PrefixCache(model), [row])[0, 0] == pytest.approx(float(expected), rel=1e-4)


def test_training_stops_when_patience_is_over_and_keeps_the_best(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([3.0, 2.0, 2.5, 2.7])
    monkeypatch.setattr(fit, "mean_nll", lambda found: next(losses))
    report = make.train(replace(job, recipe=RECIPE.model_copy(update={"epochs": 9})), on_event=quiet)
    assert [epoch["heldout_loss"] for epoch in report["epochs"]] == [3.0, 2.0, 2.5, 2.7]
    lock = json.loads((job.out / "lock.json").read_text())
    assert (lock["epochs"], lock["best_epoch"]) == (3, 1)


def test_the_rate_warms_up_and_falls_to_zero() -> None:
    rates = [rate(step, 100, warmup_share=0.05) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[5] == 1.0
    assert rates[-1] < 0.001
