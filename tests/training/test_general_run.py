"""`train general` from a corpus folder to an adapter in its place, on the tiny base."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.engine import BaseInfo
from server.engine.adapter_check import check_adapter
from server.engine.local.base.outline import outline
from server.errors import DataError
from tests import tiny
from tests.training.conftest import RECIPE
from training.general import run
from training.general.run import GeneralJob, train_general
from training.plan import general_job

PARAGRAPHS = (
    "The harbour master is Ida Holm. She took office in March 2019 after Per Lund.",
    "A berth costs 210 euros a season. Small boats without an engine pay 90 euros.",
    "The pier closes at dusk in winter. In summer it stays open until ten in the evening.",
)


def write_corpus(folder: Path) -> None:
    """A harbour to train on, one that is held out, and a held-out article of an encyclopaedia."""
    folder.mkdir()
    lines = []
    for source, title in (("harbour", "Harbour"), ("away", "Away"), ("wiki", "Solar energy")):
        page = f"# {title}\n\n" + "\n\n".join(PARAGRAPHS)
        for task, question, answer in (
            ("extract", "Who is the harbour master?", "Ida Holm"), ("extract", "What does a berth cost?", "210 euros"),
        ):  # fmt: skip
            row = {"source": source, "task": task, "page": page, "question": question, "answer": answer}
            lines.append(json.dumps(row | {"domain": "travel"}))
    (folder / "qa-harbours.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "held-out.txt").write_text("away\n")


@pytest.fixture
def general(tmp_path: Path, data: Path) -> GeneralJob:
    """The shop's examples stand in for the project's own."""
    write_corpus(tmp_path / "corpus")
    own = tmp_path / "data" / "general"
    shutil.copytree(data / "shop" / "pages", own / "pages")
    for split in ("train", "heldout"):
        shutil.copy(data / "shop" / "review" / f"{split}.jsonl", own)
    return GeneralJob(
        base=tiny.make_base(tmp_path / "tiny", context=1_024), encoder=None, corpus=tmp_path / "corpus",
        data=tmp_path / "data", out=tmp_path / "adapters" / "tiny", work=tmp_path / "work",
        recipe=RECIPE, rows=40,
    )  # fmt: skip


def test_a_run_ends_with_an_adapter_that_the_server_takes_and_with_its_figures(
    general: GeneralJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "HELD_OUT_LOSS_ROWS", 4)
    events: list[dict[str, Any]] = []

    report = train_general(general, minutes=None, on_event=events.append)

    info, _ = outline(general.base)
    assert isinstance(info, BaseInfo)
    assert check_adapter(general.out, info).folder == general.out
    assert [event["event"] for event in events][-2:] == ["measuring", "done"]
    lock = json.loads((general.out / "lock.json").read_text())
    assert lock["rows"] >= general.rows
    assert (lock["copilot"], lock["base"]) == ("general", "tiny")
    assert report == json.loads((general.out / "report.json").read_text())
    assert report["own_rows"] == 3
    assert report["people_rows"] >= 1
    assert {"evidence", "answer", "quotes_verbatim"} <= report["people"].keys() & report["people_base_alone"].keys()
    card = (general.out / "README.md").read_text()
    assert f"| every quotation stands on the page | {report['own']['quotes_verbatim']:.2f} |" in card
    assert "3 questions on own pages" in card
    assert [file.name for file in general.out.parent.iterdir()] == ["tiny"], "nothing half-made stays"


def test_a_run_whose_minutes_are_over_judges_its_last_weights_too(
    general: GeneralJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "HELD_OUT_LOSS_ROWS", 4)

    report = train_general(replace(general, rows=1_000_000), minutes=0.0002, on_event=lambda event: None)

    lock = json.loads((general.out / "lock.json").read_text())
    assert 0 < lock["rows"] == report["curve"][-1]["rows"]


def test_another_start_or_another_count_of_rows_is_another_run(general: GeneralJob) -> None:
    other = replace(general, rows=41)

    assert other.key != general.key


def test_without_a_corpus_the_command_says_what_is_missing() -> None:
    with pytest.raises(DataError, match="--corpus DIR"):
        general_job(base="", recipe=None, data=None, out=None, corpus=None, rows=1, start=None)
