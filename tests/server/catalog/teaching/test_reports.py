"""What is shown of an adapter's report: figures with what can be said of them, and nothing of a file that is none."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.catalog.teaching.reports import read_report, read_taught
from server.settings import load_settings

REPORT: dict[str, Any] = {
    "active": True, "reason": "Better.", "heldout": {"examples": 40, "pages": 9},
    "loss": {"before": 2.0, "after": 1.0, "ci95": [-1.2, -0.8]},
    "checks": {"before": 0.5, "after": 0.6, "ci95": [-0.1, 0.3]},
    "evidence": {"before": 0.5, "after": 0.3, "ci95": [-0.3, -0.1], "examples": 30},
    "abstention": {"right": {"before": 0.5, "after": 0.5, "ci95": [0, 0], "examples": 0}},
    "forgetting": {"general": {"before": 1.0, "after": 1.1, "ci95": [0.05, 0.15], "examples": 60}},
    "taught": [{"id": "a", "changed_ms": 3, "split": "heldout"}],
    "samples": [{"question": "q", "before": "b", "after": "x" * 9_000}] * 9,
}  # fmt: skip


def write(folder: Path, report: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "report.json").write_text(report if isinstance(report, str) else json.dumps(report))
    return folder


def test_a_change_counts_only_when_its_whole_interval_lies_on_one_side(tmp_path: Path) -> None:
    report = read_report(write(tmp_path, REPORT))
    assert report is not None
    assert {one.name: one.verdict for one in report.measures} == {
        "loss": "better", "checks": "unclear", "block": "worse", "abstention": "none", "forgetting": "worse",
    }  # fmt: skip
    assert (report.corrections, len(report.samples), len(report.samples[0].after)) == (1, 4, 4_000)
    assert read_taught(tmp_path)["a"].split == "heldout"


def test_an_older_report_has_no_interval_for_knowing_what_the_page_lacks(tmp_path: Path) -> None:
    older = {**REPORT, "abstention": {"before": {"f1": 1}, "after": {"f1": 1}}}
    del older["taught"]
    report = read_report(write(tmp_path, older))
    assert report is not None
    assert "abstention" not in [one.name for one in report.measures]
    assert read_taught(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps(REPORT).replace("2.0", "NaN"), '{"active": true}'])
def test_a_report_that_is_none_is_passed_over(tmp_path: Path, text: str) -> None:
    assert read_report(write(tmp_path, text)) is None
    assert read_report(tmp_path / "none") is None


def test_the_reports_that_ship_can_be_read() -> None:
    for folder in load_settings().adapters_dir.glob("*/_adapters/*"):
        if (folder / "report.json").exists() and folder.parents[1].name not in ("general", "finder"):
            assert read_report(folder) is not None, folder
