"""A category's adapter: all of its copilots in one run, each with its own instructions, checks and figures."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.catalog.copilots import Copilot
from server.text.checks.form import HasForm
from tests.training.conftest import CHECKS, INSTRUCTIONS
from training import make
from training.job import Job
from training.material import Material
from training.measure.report import gate
from training.plan import OWN_EXAMPLES_MIN, copilots_of, owners, shared_adapter

TINY_INSTRUCTIONS = "Size guide: give the measure."


@pytest.fixture
def domain(job: Job, data: Path, tmp_path: Path) -> Job:
    """Two copilots on the same pages; the second has the same questions under other instructions."""
    root = tmp_path / "data"
    shutil.copytree(data, root)
    shutil.copytree(root / "shop/review", root / "shop/size")
    size = Copilot(
        "shop/size", "Size", "shop", "Shop", instructions=TINY_INSTRUCTIONS, checks=(HasForm(one_of=("fact",)),)
    )
    return replace(job, copilots=(job.copilots[0], size), domain="shop", data=root, out=tmp_path / "shop/tiny")


def test_each_copilot_keeps_its_instructions_and_its_own_figures(domain: Job) -> None:
    report = make.train(domain, on_event=lambda event: None)

    assert report["copilot"] == "shop"
    assert list(report["copilots"]) == ["shop/review", "shop/size"]
    assert [one["heldout"]["examples"] for one in report["copilots"].values()] == [3, 3]
    assert report["heldout"]["examples"] == 6
    assert set(report["copilots"]["shop/review"]["checks"]["each"]) <= {check.label for check in CHECKS}
    assert set(report["copilots"]["shop/size"]["checks"]["each"]) <= {"form"}
    lock = json.loads((domain.out / "lock.json").read_text())
    assert lock["copilot"] == "shop"
    assert json.loads(lock["instructions"]) == {"shop/review": INSTRUCTIONS, "shop/size": TINY_INSTRUCTIONS}
    assert {"review/train.jsonl", "size/heldout.jsonl"} <= set(lock["data"])
    assert domain.up_to_date
    assert "shop/size" in (domain.out / "README.md").read_text()
    assert report["copilots"]["shop/size"]["base_alone"]["loss"] > 0


def test_rows_of_one_page_share_its_tokens_whatever_the_copilot(domain: Job) -> None:
    material = Material(domain)

    first, second = material.copilots
    assert [row.prefix for row in first.train] == [row.prefix for row in second.train]
    assert [row.suffix for row in first.train] != [row.suffix for row in second.train]


def test_of_each_copilot_so_many_held_out_examples_are_measured_evenly_over_its_file(domain: Job) -> None:
    everything, some = Material(domain), Material(replace(domain, heldout_max=2))

    assert [len(one.heldout) for one in everything.copilots] == [3, 3]
    assert [len(one.heldout) for one in some.copilots] == [2, 2]
    assert [row.suffix for row in some.heldout] == [everything.heldout[place].suffix for place in (0, 1, 3, 4)]
    assert [len(one.heldout) for one in Material(replace(domain, heldout_max=3)).copilots] == [3, 3]


def test_new_instructions_of_one_copilot_make_a_new_run(domain: Job) -> None:
    other = replace(domain.copilots[1], instructions="Size guide: give the number.")

    assert replace(domain, copilots=(domain.copilots[0], other)).key != domain.key


def test_a_flagships_own_adapter_must_beat_the_domains_beyond_doubt() -> None:
    figures: dict[str, Any] = {
        "loss": {"before": 1.0, "after": 0.9}, "checks": {"before": 0.6, "after": 0.7, "ci95": [-0.1, 0.3], "each": {}},
        "forgetting": {
            "base_logit_diff_max": 0.0, "reload_diff_max": 0.0,
            "general": {"rise_share": 0.0, "before": 1.0, "after": 1.0},
        },
    }  # fmt: skip

    assert gate(figures)[0]
    active, reason = gate(figures, strict=True)
    assert not active and "chance" in reason
    figures["checks"]["ci95"] = [0.02, 0.3]
    assert gate(figures, strict=True)[0]


def test_categories_come_before_their_copilots_with_many_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, rows in (("shop/few", 3), ("shop/many", OWN_EXAMPLES_MIN)):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "copilot.toml").write_text('name = "x"\npromise = "y"\n')
        (folder / "train.jsonl").write_text("{}\n" * rows)
    monkeypatch.setenv("RETINUE_ADAPTERS_DIR", str(tmp_path))
    monkeypatch.setenv("RETINUE_USER_DIR", str(tmp_path / "user"))

    assert owners(tmp_path) == ["shop", "shop/many"]
    assert [copilot.id for copilot in copilots_of("shop", tmp_path)] == ["shop/few", "shop/many"]
    assert copilots_of("shop/many", tmp_path) == ()


def test_an_adapter_of_another_base_is_nothing_to_start_from(job: Job, tmp_path: Path) -> None:
    from server.settings import load_settings

    settings = load_settings(adapters_dir=tmp_path)
    assert shared_adapter(settings, "shop", job.base) is None
