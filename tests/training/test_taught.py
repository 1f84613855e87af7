"""Corrections that were kept in the sidebar, as the training program finds them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from server.catalog import versions
from server.catalog.teaching.corrections import CorrectedPage, Corrections
from server.catalog.teaching.reports import read_report, read_taught
from tests.training.conftest import RECIPE
from training import make
from training.dataset.corrections import Correction, example_of, prepare_kept, taught
from training.job import Job

COPILOT = "shop/review"


def keep(user_dir: Path, number: int = 0, corrected: str = 'Of ash. "made of ash" [2]') -> str:
    blocks = ["Ladder", f"Ladder {number} is made of ash.", f"Item {number} of the shop has {number} rungs."]
    page = CorrectedPage(title="Ladder", address=f"https://shop-{number}.example/", blocks=blocks)
    store = Corrections(user_dir)
    return store.add(COPILOT, page, question="What is it made of?", answer="Of steel.", corrected=corrected).id


def test_they_are_prepared_when_a_training_begins_and_named_by_their_ids(tmp_path: Path) -> None:
    assert prepare_kept(tmp_path, COPILOT) == (tmp_path / "corrections" / COPILOT,)
    good, bad = keep(tmp_path), keep(tmp_path, 1, corrected='"made of oak" [2]')
    folders = prepare_kept(tmp_path, COPILOT)
    assert folders == (tmp_path / "teaching" / "examples" / COPILOT,)
    assert [one["id"] for one in taught(folders)] == [good]
    assert "oak" in (folders[0] / "refused.jsonl").read_text()
    Corrections(tmp_path).change(COPILOT, bad, corrected="The page does not say.")
    assert len(taught(prepare_kept(tmp_path, COPILOT))) == 2
    (tmp_path / "corrections" / COPILOT).mkdir(parents=True)  # those of a file
    assert len(prepare_kept(tmp_path, COPILOT)) == 2


def test_of_a_page_that_is_too_long_the_quoted_blocks_are_kept() -> None:
    blocks = [f"Block {number}. " + "word " * 900 for number in range(30)]
    blocks[27] = "The last boat leaves at ten."
    row: dict[str, Any] = {
        "page": {"title": "", "url": "", "blocks": blocks}, "copilot": "a/b", "question": "When?",
        "corrected": 'At ten. "The last boat leaves at ten."',
    }  # fmt: skip
    made = example_of(Correction.model_validate(row), 1)
    assert len(made.markdown) < 40_000
    assert made.markdown.startswith("# Untitled\n\nBlock 0.")
    number = made.markdown.split("\n\n").index("The last boat leaves at ten.\n")
    assert made.example.answer == f'At ten. "The last boat leaves at ten." [{number}]'


def test_the_report_names_what_the_adapter_has_learnt(job: Job, tmp_path: Path) -> None:
    ids = {keep(tmp_path, number) for number in range(6)}
    own = replace(
        job, corrections=prepare_kept(tmp_path, COPILOT), own=True, recipe=RECIPE.model_copy(update={"epochs": 1})
    )
    make.train(own, on_event=lambda event: None)
    folder = job.out if job.out.is_dir() else versions.refused(job.out)
    assert set(read_taught(folder)) == ids
    report = read_report(folder)
    assert report is not None
    assert report.corrections == 6
    assert "abstention" in [one.name for one in report.measures]
    assert "corrections/pages" in json.loads((folder / "lock.json").read_text())["data"]
