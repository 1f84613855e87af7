"""Runs of `training base`: stopped, gone on with, gone on from another base, and what is refused."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from transformers import AutoTokenizer

from server.errors import BaseError, DataError
from training.base.batches import packed
from training.base.card import card
from training.base.loss import CHUNK, weighted_cross_entropy
from training.base.make import export, make_base, measure, pretrain
from training.base.prepare import prepare
from training.base.presets import GOING_ON_RATE, preset
from training.base.pretrain import CHECKPOINT, STABLE, Pretraining
from training.base.rows import Rows

BASE = Path(__file__).parents[2] / "adapters/base/retinue-30m"
TINY = preset("tiny")
TEXT = (
    "# Lamps\n\nThe lamp was made in Town{0} by a small workshop. It burns one candle in three hours, and its brass "
    "foot keeps warm until morning.\n\nClean the glass every month with vinegar. Never leave a burning lamp in an "
    "empty room, because curtains catch fire.\n\nThe guarantee covers the burner of Town{0} for two years."
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight short pages with a question each, two of them held out."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = [
        {
            "source": "basecamp/policies" if n > 5 else "kept", "task": "quote", "question": "How long is it covered?",
            "page": TEXT.format(n), "answer": "two years", "title": "Lamps", "text": TEXT.format(n),
        }
        for n in range(8)
    ]  # fmt: skip
    for name in ("qa-all", "pretrain-all"):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def weights(run: Pretraining) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in run.masters.values()])


def test_a_stopped_run_goes_on_where_it_was(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pretrain(TINY, corpus, tmp_path / "whole", seed=1, minutes=None)
    train, steps = Pretraining._train, list[int]()

    def ten_steps(self: Pretraining, *args: object, **options: object) -> torch.Tensor:
        if len(steps) == 10:
            self.save(CHECKPOINT)
            raise KeyboardInterrupt
        steps.append(1)
        return train(self, *args, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as stopped:
        stopped.setattr(Pretraining, "_train", ten_steps)
        with pytest.raises(KeyboardInterrupt):
            pretrain(TINY, corpus, tmp_path / "stopped", seed=1, minutes=None)
    resumed = pretrain(TINY, corpus, tmp_path / "stopped", seed=1, minutes=None)
    assert resumed.state.taken == whole.state.taken
    assert resumed.state.tokens == whole.state.tokens
    # the place heads ask other tokens after a restart, so the weights are near and not equal
    torch.testing.assert_close(weights(resumed), weights(whole), atol=0.15, rtol=0.1)


def test_a_larger_budget_goes_on_from_before_the_decay(corpus: Path, tmp_path: Path) -> None:
    first = pretrain(TINY, corpus, tmp_path / "work", seed=1, minutes=None)
    assert first.state.decaying
    stable = torch.load(tmp_path / "work" / STABLE, weights_only=True)["state"]
    assert stable["tokens"] < first.state.tokens
    again = Pretraining(TINY, first.model, first.places, tmp_path / "work", device="cpu")
    assert again.resume(minutes=None)
    assert again.state.tokens == first.state.tokens
    larger = Pretraining(
        replace(TINY, tokens=4 * TINY.tokens), first.model, first.places, tmp_path / "work", device="cpu"
    )
    assert larger.resume(minutes=None)
    assert larger.state.tokens == stable["tokens"]
    assert not larger.state.decaying


def test_a_run_goes_on_from_a_base_into_the_same_folder(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "lamps"
    make_base("tiny", corpus, work=tmp_path / "first", out=out, seed=1)
    before = weights(pretrain(TINY, corpus, tmp_path / "first", seed=1, minutes=None))
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    figures = make_base("tiny", corpus, work=tmp_path / "second", out=out, seed=1, start=out, tokens=3_000)
    facts = json.loads((out / "training.json").read_text())
    assert [stage["name"] for stage in facts["recipe"]["stages"]] == ["short pages", "long pages"]
    assert sum(stage["share"] for stage in facts["recipe"]["stages"]) == pytest.approx(1)
    assert facts["recipe"]["matrix_lr"] == pytest.approx(GOING_ON_RATE * TINY.matrix_lr)
    assert [run["tokens"] for run in facts["earlier"]] == [
        json.loads((tmp_path / "second/start/training.json").read_text())["tokens"]
    ]
    shown = (out / "README.md").read_text()
    assert "--preset tiny --corpus DIR --out adapters/base/lamps --seed 1\n" in shown
    onward = "--preset tiny --corpus DIR --start adapters/base/lamps --out adapters/base/lamps"
    assert f"{onward} --tokens 0.003 --seed 1\n" in shown
    assert figures["answer_nats_per_token"] > 0
    run = pretrain(TINY.going_on(), corpus, tmp_path / "second", seed=1, minutes=0.0001, start=out)
    near = F.cosine_similarity(before, weights(run), dim=0)
    assert 0.5 < near < 1  # it began at those weights and learned
    assert (out / "notes.txt").read_text() == "mine"


def test_another_seed_makes_other_rows_and_is_measured_on_the_same(corpus: Path, tmp_path: Path) -> None:
    first = pretrain(TINY, corpus, tmp_path / "first", seed=1, minutes=0.0001)
    export(first, AutoTokenizer.from_pretrained(tmp_path / "first/tokenizer"), tmp_path / "base")
    for seed in (1, 2):
        work = tmp_path / str(seed)
        pretrain(TINY.going_on(), corpus, work, seed=seed, minutes=0.0001, start=tmp_path / "base")
    rows, held_out = (
        [Rows.load(tmp_path / seed / name).digest for seed in "12"] for name in ("rows-2-000.npz", "heldout.npz")
    )
    assert rows[0] != rows[1]
    assert held_out[0] == held_out[1]


def test_a_base_of_another_shape_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(BaseError, match="not the folder of a base") as refused:
        pretrain(TINY, corpus, tmp_path / "work", seed=1, minutes=None, start=tmp_path)
    assert refused.value.code == "base_unreadable"
    (tmp_path / "config.json").write_text('{"hidden_size": 96, "num_hidden_layers": 2}', encoding="utf-8")
    with pytest.raises(BaseError, match="another shape than the preset: hidden_size") as refused:
        pretrain(TINY, corpus, tmp_path / "work", seed=1, minutes=None, start=tmp_path)
    assert refused.value.code == "base_unsupported"


def test_a_work_folder_holds_one_run(corpus: Path, tmp_path: Path) -> None:
    pretrain(TINY, corpus, tmp_path / "work", seed=1, minutes=None)
    for other in (TINY.going_on(), replace(TINY, hidden=128)):
        with pytest.raises(DataError, match="has a run of another preset") as refused:
            pretrain(other, corpus, tmp_path / "work", seed=1, minutes=None)
        assert refused.value.code == "data_work"
    with pytest.raises(DataError, match="another --work"):
        pretrain(TINY, corpus, tmp_path / "work", seed=2, minutes=None)


def test_rows_are_used_while_others_are_made_and_the_rest_is_left(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.base.prepare.PART_TOKENS", 2_000)
    stages = prepare(TINY, corpus, tmp_path, seed=1)
    assert [len(parts) for parts in stages.stages] == [4, 1, 2, 4]
    assert int(stages.stages[0][0].starts[-1]) >= 2_000
    stages.wait()
    stages.close()
    digests = [rows.digest for parts in stages.stages for rows in parts]
    assert len(set(digests)) == len(digests)
    (tmp_path / "rows-4-003.npz").unlink()  # as after a kill: only this one is made again, and the same
    again = prepare(TINY, corpus, tmp_path, seed=1)
    assert [len(parts.making) for parts in again.stages] == [0, 0, 0, 1]
    assert [rows.digest for parts in again.stages for rows in parts] == digests
    again.close()


def test_a_run_learns_from_packed_batches(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU, but for the kernel of attention, which a processor cannot differentiate."""
    monkeypatch.setattr("training.base.pretrain.padded", partial(packed, line=1_024))
    monkeypatch.setattr("training.base.pretrain.LOG_EVERY_STEPS", 1)
    run = pretrain(TINY, corpus, tmp_path, seed=1, minutes=None)
    losses = [entry["loss"] for entry in run.state.log]
    assert run.state.tokens >= TINY.tokens
    assert sum(losses[-3:]) / 3 < 0.8 * losses[0]


def test_a_base_is_measured_again(corpus: Path, tmp_path: Path) -> None:
    figures = make_base("tiny", corpus, work=tmp_path / "work", out=tmp_path / "base", seed=1)
    facts = json.loads((tmp_path / "base/training.json").read_text())
    assert facts["held_out"] == {name: round(value, 4) for name, value in figures.items()}
    (tmp_path / "base/README.md").unlink()
    again = measure(tmp_path / "base", "tiny", corpus, work=tmp_path / "other")
    assert again == pytest.approx(figures)
    assert (tmp_path / "base/README.md").exists()
    with pytest.raises(BaseError):
        measure(tmp_path, "tiny", corpus, work=tmp_path / "third")


def test_a_large_base_is_saved_in_shards(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoTokenizer

    run = pretrain(TINY, corpus, tmp_path / "work", seed=1, minutes=None)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "work/tokenizer", local_files_only=True)
    export(run, tokenizer, tmp_path / "out")
    assert (tmp_path / "out/model.safetensors").exists()
    monkeypatch.setattr("training.base.make.SHARD_SIZE", "100KB")
    export(run, tokenizer, tmp_path / "out")
    assert not (tmp_path / "out/model.safetensors").exists()
    assert len(list((tmp_path / "out").glob("model-*.safetensors"))) > 1


def test_a_card_has_the_commands_of_all_runs_and_a_note_where_there_was_none() -> None:
    facts = json.loads((BASE / "training.json").read_text())
    assert card("retinue-30m", facts) == (BASE / "README.md").read_text()
    by_hand = card("lamps", facts | {"note": "A script drove it."})
    assert "A script drove it." in by_hand
    assert "python -m training base" not in by_hand
    for earlier in (
        [],
        [{"preset": "cpu", "tokens": 5e6, "hours": 1}],
        [{"note": "By hand.", "tokens": 5e6, "hours": 1}],
    ):
        shown = card("lamps", facts | {"earlier": earlier})
        assert shown.count("python -m training base") == 1 + sum("note" not in run for run in earlier)
        assert ("went on from weights that had seen 5.0 M tokens in 1.0 hours" in shown) == bool(earlier)
        assert ("By hand." in shown) == any("note" in run for run in earlier)


def test_the_loss_in_chunks_is_cross_entropy() -> None:
    torch.manual_seed(0)
    tokens = 2 * CHUNK + 70
    hidden, head = torch.randn(tokens, 24, requires_grad=True), torch.randn(50, 24, requires_grad=True)
    targets, counted = torch.randint(0, 50, (tokens,)), torch.rand(tokens)
    (2 * weighted_cross_entropy(hidden, head, targets, counted)).backward()  # type: ignore[no-untyped-call]
    ours = (hidden.grad, head.grad)
    hidden.grad = head.grad = None
    theirs = (F.cross_entropy(hidden @ head.T, targets, reduction="none") * counted).sum()
    (2 * theirs).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(weighted_cross_entropy(hidden, head, targets, counted), theirs)
    for mine, other in zip(ours, (hidden.grad, head.grad), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-5)
