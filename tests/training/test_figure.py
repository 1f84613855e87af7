"""Pictures and the table: small, the same each time, and true to the reports."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.measure.figure import draw_report
from training.measure.table import read_reports, table

BYTES_MAX = 60_000
COMPARED = {"examples": 4, "pages": 2, "before": 1.3, "after": 1.31, "rise_share": 0.0077, "ci95": [0.0, 0.02]}


def report(*, checks: int = 4, others: int = 2) -> dict[str, Any]:
    one = {"before": 0.1, "after": 0.8, "examples": 9, "ci95_before": [0.0, 0.2], "ci95_after": [0.6, 0.9]}
    return {
        "active": True, "reason": "It gained.", "copilot": "shop/review", "base": "tiny",
        "heldout": {"examples": 9, "pages": 3}, "loss": {"before": 2.5, "after": 1.25},
        "checks": {"before": 0.1, "after": 0.8, "each": {f"check_{n}": one for n in range(checks)}},
        "evidence": {"before": 0.2, "after": 0.3},
        "abstention": {when: {"f1": f1} for when, f1 in (("before", 0.25), ("after", 0.5))},
        "forgetting": {"general": COMPARED, "others": {f"shop/other-{n}": COMPARED for n in range(others)}},
    }  # fmt: skip


@pytest.mark.parametrize(("checks", "others"), [(4, 2), (0, 0), (9, 40)])
def test_a_report_is_drawn_small_and_the_same_each_time(tmp_path: Path, checks: int, others: int) -> None:
    for name in ("one.png", "two.png"):
        draw_report(report(checks=checks, others=others), tmp_path / name)
    drawn = (tmp_path / "one.png").read_bytes()
    assert drawn.startswith(b"\x89PNG")
    assert len(drawn) < BYTES_MAX
    assert drawn == (tmp_path / "two.png").read_bytes()


def test_the_table_has_a_line_for_each_report_that_can_be_read(tmp_path: Path) -> None:
    refused = report() | {"active": False, "reason": "It forgets."}
    for name, content in (("new", json.dumps(report())), ("bad", "{")):
        folder = tmp_path / "shop" / name / "_adapters" / "tiny"
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(content)
    found = read_reports(tmp_path, "tiny")
    lines = table(found | {"shop/refused": refused}).splitlines()
    assert lines[2] == "| shop/new | 9 on 3 | 2.50 → 1.25 | 10% → 80% | 20% → 30% | 0.25 → 0.50 | +0.8% |  |"
    assert lines[3].endswith("| not active: It forgets. |")
    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {9}
