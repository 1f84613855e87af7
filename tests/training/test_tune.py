"""Tuning a whole tiny base: its arithmetic, its resuming, what it writes and what it refuses."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from typer.testing import CliRunner

from server.catalog.acquire import sources
from server.engine.fingerprint import base_fingerprint
from server.engine.local.base.loader import load_base
from server.errors import BaseError, DataError, TrainError
from server.text.prompt import PromptLayout
from tests import tiny
from training.cli.main import app
from training.dataset.render import Rendered
from training.fit import checkpoint
from training.fit.memory import SHARE_MAX
from training.tune import job as tune_base
from training.tune import loop as tune
from training.tune import memory as tune_memory
from training.tune.job import TuneJob
from training.tune.lines import collate, grouped, lines_of, steps_of, token_nll, whole_pages
from training.tune.loop import TuneRecipe, Tuning, answer_loss

_PAGES = {
    "train/kettle": "# Kettle\n\nThe kettle holds two litres of water.\n\nReturns are free for thirty days.",
    "train/lamp": "# Lamp\n\nThe lamp is made of oak and brass. It weighs one kilogram.\n\nThe bulb is not included.",
    "heldout/chair": "# Chair\n\nThe chair is made of oak. It weighs two kilograms.\n\nThe bulb is not included.",
}
_ROWS = {
    "train": [
        ("kettle", "How much water?", '"The kettle holds two litres of water." [1]'),
        ("kettle", "Returns?", '"Returns are free for thirty days." [2]'),
        ("kettle", "Who made it?", "The page does not say."),
        ("lamp", "What is it made of?", '"The lamp is made of oak and brass." [1]'),
        ("lamp", "How heavy is it?", '"It weighs one kilogram." [1]'),
        ("lamp", "The bulb?", '"The bulb is not included." [2]'),
    ],
    "heldout": [
        ("chair", "How heavy is it?", '"It weighs two kilograms." [1]'),
        ("chair", "Who made it?", "The page does not say."),
    ],
}
RECIPE = TuneRecipe(lr=3e-3, batch=3, epochs=6)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_base(tmp_path_factory.mktemp("bases") / "tiny", spread=0.05)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of examples; the fifth has an earlier turn."""
    folder = tmp_path_factory.mktemp("data") / "shop"
    for name, text in _PAGES.items():
        file = folder / "pages" / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for split, rows in _ROWS.items():
        lines: list[dict[str, object]] = [dict(zip(("page", "question", "answer"), row, strict=True)) for row in rows]
        if split == "train":
            lines[4]["history"] = [{"question": "Oak?", "answer": "Yes."}]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


@pytest.fixture
def job(base: Path, data: Path, tmp_path: Path) -> TuneJob:
    out = tmp_path / "bases" / "tiny-tuned"
    return TuneJob(base=base, data=(data,), out=out, work=tmp_path / "work", recipe=RECIPE)


@pytest.fixture
def rows(job: TuneJob) -> tune_base.TuneRows:
    layout = PromptLayout(AutoTokenizer.from_pretrained(job.base))
    return tune_base.read_rows(job, layout, context=1_024)


@pytest.fixture
def model(base: Path) -> Iterator[PreTrainedModel]:
    loaded = load_base(base, dtype=torch.float32).model
    with whole_pages(loaded):
        yield loaded


def quiet(event: dict[str, object]) -> None:
    """Where no event is looked at."""


def tuning(
    base: Path,
    rows: tuple[Rendered, ...],
    file: Path,
    *,
    recipe: TuneRecipe = RECIPE,
    dtype: torch.dtype = torch.float32,
) -> Tuning:
    return Tuning(load_base(base, dtype=dtype).model, recipe, rows, file=file, key="same")


def weights_of(run: Tuning) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in run.weights.items()}


def test_questions_that_share_a_page_have_the_loss_of_one_row_each(
    rows: tune_base.TuneRows, base: Path, model: PreTrainedModel
) -> None:
    groups = grouped(rows.train)
    together = token_nll(model, collate(groups, device="cpu"))
    alone = load_base(base, dtype=torch.float32).model
    expected = []
    for row in (row for group in groups for row in group.rows):
        ids = torch.tensor([[*row.prefix, *row.suffix]])
        logits = alone(input_ids=ids).logits[0, -row.answer_tokens - 1 : -1]
        expected.append(torch.nn.functional.cross_entropy(logits, ids[0, -row.answer_tokens :], reduction="none"))

    assert [len(group.rows) for group in groups] == [3, 3]
    assert torch.allclose(together, torch.cat(expected), atol=1e-4)


def test_every_row_stands_in_exactly_one_step_and_the_order_changes_with_the_epoch(rows: tune_base.TuneRows) -> None:
    first, again, second = (steps_of(rows.train, 2, seed=1, epoch=epoch) for epoch in (0, 0, 1))
    seen = [row for step in first for group in step for row in group.rows]

    assert sorted(row.suffix for row in seen) == sorted(row.suffix for row in rows.train)
    assert first == again != second


def test_a_pass_holds_no_more_tokens_than_it_may(rows: tune_base.TuneRows, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = grouped(rows.train)
    monkeypatch.setattr("training.tune.lines.LINE_TOKENS", sum(group.tokens for group in groups) - 1)

    assert [len(line) for line in lines_of(groups)] == [1, 1]


def test_gradients_of_several_passes_are_those_of_one(
    rows: tune_base.TuneRows, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(RECIPE, batch=6, epochs=1)
    one, several = (tuning(base, rows.train, tmp_path / name, recipe=recipe) for name in ("one", "several"))
    with whole_pages(one.model):
        one.run()
    monkeypatch.setattr("training.tune.lines.LINE_TOKENS", 1)
    with whole_pages(several.model):
        several.run()

    assert one.progress.step == several.progress.step == 1
    first, second = (run.optimiser.state[run.weights["model.norm.weight"]]["exp_avg"] for run in (one, several))
    assert torch.allclose(first, second, rtol=1e-3, atol=1e-7)


def test_masters_keep_what_is_too_small_for_bf16(rows: tune_base.TuneRows, base: Path, tmp_path: Path) -> None:
    run = tuning(base, rows.train, tmp_path / "c", recipe=replace(RECIPE, lr=1e-6), dtype=torch.bfloat16)
    before = weights_of(run)
    with whole_pages(run.model):
        run.run()
    name = "model.norm.weight"  # ones: the next bf16 number is 0.4 % away

    assert run.model.dtype == torch.bfloat16
    assert run.weights[name].dtype == torch.float32
    assert not torch.equal(run.weights[name], before[name])
    assert torch.equal(run.model.get_parameter(name).float(), before[name])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(
    rows: tune_base.TuneRows, base: Path, tmp_path: Path, dtype: torch.dtype
) -> None:
    unbroken = tuning(base, rows.train, tmp_path / "unbroken", dtype=dtype)
    killed = tuning(base, rows.train, tmp_path / "killed", dtype=dtype)
    resumed = tuning(base, rows.train, tmp_path / "killed", dtype=dtype)
    for run in (unbroken, killed, resumed):
        with whole_pages(run.model):
            if run is killed:
                for step in range(3):  # into the second epoch, then nothing more
                    killed.progress.epoch, killed.progress.taken = divmod(step, 2)
                    planned = steps_of(killed.rows, 3, seed=1, epoch=killed.progress.epoch)
                    killed._train(planned[killed.progress.taken], done=killed._done(len(planned)))
                checkpoint.save(killed)
                continue
            run.run()

    assert resumed.progress.step == unbroken.progress.step == 12
    assert resumed.progress.losses == unbroken.progress.losses
    for name, weight in weights_of(unbroken).items():
        assert torch.equal(weight, resumed.weights[name]), name


def test_the_minutes_end_a_run_before_its_epochs(rows: tune_base.TuneRows, base: Path, tmp_path: Path) -> None:
    run = tuning(base, rows.train, tmp_path / "c", recipe=replace(RECIPE, epochs=100, minutes=0.2 / 60))
    with whole_pages(run.model):
        progress = run.run()

    assert 0 < progress.step < 200
    assert progress.seconds >= 0.2


def test_the_rate_rises_first_and_ends_at_zero() -> None:
    assert tune.rate(0, done=0.0) == pytest.approx(0.1)
    assert tune.rate(9, done=0.0) == pytest.approx(1.0)
    assert tune.rate(50, done=0.5) == pytest.approx(0.5)
    assert tune.rate(99, done=1.0) == 0


def test_a_run_whose_loss_is_no_number_ends_with_a_sentence(
    rows: tune_base.TuneRows, base: Path, tmp_path: Path
) -> None:
    run = tuning(base, rows.train, tmp_path / "c")
    with torch.no_grad():
        run.weights["model.norm.weight"].fill_(torch.nan)

    with whole_pages(run.model), pytest.raises(TrainError) as error:
        run.run()
    assert error.value.code == "train_diverged"
    assert not run.file.exists()


def test_layers_computed_again_give_the_same_weights(rows: tune_base.TuneRows, base: Path, tmp_path: Path) -> None:
    kept, again = (tuning(base, rows.train, tmp_path / name) for name in ("kept", "again"))
    again.recompute = True
    for run in (kept, again):
        with whole_pages(run.model):
            run.run()

    for name, weight in weights_of(kept).items():
        assert torch.allclose(weight, again.weights[name], atol=1e-5), name


def test_tuning_makes_a_base_that_has_learned_and_says_so(job: TuneJob, rows: tune_base.TuneRows) -> None:
    report = tune_base.tune(job, on_event=quiet)
    held = report["loss"]["heldout"]
    loaded = load_base(job.out, dtype=torch.float32).model
    with whole_pages(loaded):
        measured = answer_loss(loaded, rows.heldout)

    assert held["after"] < held["before"] - 1
    assert measured == pytest.approx(held["after"], abs=0.02)
    assert report["losses"][-1] < report["losses"][0]
    assert not list(job.work.glob("*")), "the checkpoint of a finished run goes"


def test_the_new_base_is_a_base_like_any_other(job: TuneJob) -> None:
    tune_base.tune(job, on_event=quiet)
    loaded = AutoModelForCausalLM.from_pretrained(job.out, local_files_only=True)
    before, after = (AutoTokenizer.from_pretrained(folder).get_chat_template() for folder in (job.base, job.out))
    note = sources.read_note(job.out)
    card = (job.out / "README.md").read_text(encoding="utf-8")

    assert loaded.dtype == torch.bfloat16
    assert loaded.config._attn_implementation != "retinue_whole_pages"
    assert before == after
    assert base_fingerprint(job.out) != base_fingerprint(job.base)
    assert note is not None and (note.kind, note.origin) == ("tuned", "tiny")
    assert note.version == base_fingerprint(job.base)
    assert set(note.sha256) == {file.name for file in job.out.iterdir()} - {"source.json"}
    assert "| a general text (forgetting) |" in card and "6 questions about 2 pages (shop)" in card
    assert not (job.out / sources.GGUF).exists()


def test_a_base_that_was_converted_keeps_its_licence_and_not_its_source(job: TuneJob, tmp_path: Path) -> None:
    converted = tmp_path / "converted"
    shutil.copytree(job.base, converted)
    (converted / sources.GGUF).write_bytes(b"GGUF")
    sources.write_note(converted, sources.SourceNote(kind="wheel", origin="there", licence="Apache-2.0"))
    tune_base.tune(replace(job, base=converted, recipe=replace(RECIPE, epochs=1)), on_event=quiet)
    note = sources.read_note(job.out)

    assert note is not None and note.licence == "Apache-2.0"
    assert not (job.out / sources.GGUF).exists()


def test_a_run_that_breaks_while_writing_leaves_no_folder_and_goes_on_from_its_end(
    job: TuneJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(made: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(tune_base, "replace_folder", no_room)
        with pytest.raises(BaseError) as error:
            tune_base.tune(job, on_event=quiet)
    left = list(job.out.parent.iterdir())
    events: list[dict[str, object]] = []
    report = tune_base.tune(job, on_event=events.append)

    assert error.value.code == "base_disk_full"
    assert left == []
    assert [event["event"] for event in events if event["event"] in ("resumed", "step")] == ["resumed"]
    assert report["steps"] == 12
    assert [folder.name for folder in job.out.parent.iterdir()] == ["tiny-tuned"]


def test_a_base_that_is_there_is_never_overwritten(job: TuneJob) -> None:
    job.out.mkdir(parents=True)

    with pytest.raises(BaseError) as error:
        tune_base.tune(job, on_event=quiet)
    assert error.value.code == "base_exists"


@pytest.mark.parametrize(
    "changes",
    [
        {"auto_map": {"AutoModelForCausalLM": "modeling_mine.Mine"}},
        {"model_type": "qwen3", "layer_types": ["linear_attention", "full_attention"]},
    ],
    ids=["own code", "linear attention"],
)
def test_a_base_that_could_not_be_served_is_refused(job: TuneJob, tmp_path: Path, changes: dict[str, object]) -> None:
    strange, ran = tmp_path / "strange", tmp_path / "ran"
    shutil.copytree(job.base, strange)
    config = json.loads((strange / "config.json").read_text(encoding="utf-8"))
    (strange / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")
    (strange / "modeling_mine.py").write_text(f"open({str(ran)!r}, 'w')\nclass Mine: ...\n", encoding="utf-8")

    with pytest.raises(BaseError) as error:
        tune_base.tune(replace(job, base=strange), on_event=quiet)
    assert error.value.code == "base_unsupported"
    assert not ran.exists() and not job.out.exists()


def test_rows_that_do_not_fit_are_refused_with_their_number(job: TuneJob) -> None:
    layout = PromptLayout(AutoTokenizer.from_pretrained(job.base))

    with pytest.raises(DataError, match="6 of 6 examples do not fit into 64 tokens"):
        tune_base.read_rows(job, layout, context=64)


def test_several_folders_are_trained_on_together(job: TuneJob, tmp_path: Path, rows: tune_base.TuneRows) -> None:
    other = tmp_path / "other"
    shutil.copytree(job.data[0], other)
    layout = PromptLayout(AutoTokenizer.from_pretrained(job.base))
    both = tune_base.read_rows(replace(job, data=(*job.data, other)), layout, context=1_024)

    assert len(both.train) == 2 * len(rows.train)


def test_what_does_not_fit_into_memory_is_computed_twice_or_refused(base: Path) -> None:
    config = tune_base.read_config(base)

    def needs(available: int) -> tune_memory.TuneNeed:
        return tune_memory.estimate(base, config, line_tokens=4_096, device="cuda", available=available)

    roomy = needs(10**12)
    tight = needs(int((roomy.total - 1) / SHARE_MAX))

    assert not roomy.recompute and tight.recompute
    assert tight.total < roomy.total
    with pytest.raises(BaseError) as error:
        needs(10**6)
    assert error.value.code == "base_too_large"


def test_the_command_makes_a_base_and_prints_its_card(
    base: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETINUE_BASES_DIR", str(tmp_path / "bases"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = ["tune", str(base), "--data", str(data), "--out", "mine", "--epochs", "1", "--threads", "1"]
    result = CliRunner().invoke(app, command)
    again = CliRunner().invoke(app, command)

    assert result.exit_code == 0, result.output
    assert "# mine" in result.output
    assert load_base(tmp_path / "bases" / "mine").info.name == "mine"
    assert again.exit_code == 1 and "base_exists" in again.output


@pytest.mark.parametrize("name", ["../mine", ".mine", "a/b", ""])
def test_the_command_refuses_a_name_that_is_a_path(name: str, base: Path, data: Path) -> None:
    result = CliRunner().invoke(app, ["tune", str(base), "--data", str(data), "--out", name])

    assert result.exit_code == 1 and "base_name" in result.output
