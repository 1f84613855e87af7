"""Pictures and the table: small, the same each time, and true to the reports."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.base.card import phases
from training.base.presets import preset
from training.figure import draw_loss_curve, draw_report, smooth
from training.table import read_reports, table

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


def test_a_loss_curve_is_drawn_with_its_phases(tmp_path: Path) -> None:
    log = [{"step": n, "tokens": n * 1000.0, "loss": 5 / (n + 1)} for n in range(400)]
    named = phases(log, asdict(preset("tiny"))["stages"])
    draw_loss_curve(log, tmp_path / "loss.png", phases=named)
    draw_loss_curve([], tmp_path / "none.png", phases=phases([], asdict(preset("tiny"))["stages"]))
    assert (tmp_path / "loss.png").stat().st_size < BYTES_MAX
    assert [start for _, start in named] == pytest.approx([0, 399_000 * 0.4, 399_000 * 0.5, 399_000 * 0.65])


def test_smoothing_keeps_a_line_and_averages_noise() -> None:
    line = np.arange(10.0)
    assert smooth(line, 3)[1:-1] == pytest.approx(line[1:-1])
    assert smooth(np.array([1.0, 3.0, 1.0, 3.0]), 1) == pytest.approx([1, 3, 1, 3])
    assert smooth(np.array([1.0, 3.0, 1.0, 3.0]), 3)[1] == pytest.approx(5 / 3)


def test_the_table_has_a_line_for_each_report_that_can_be_read(tmp_path: Path) -> None:
    refused = report() | {"active": False, "reason": "It forgets."}
    for name, content in (("new", json.dumps(report())), ("bad", "{")):
        folder = tmp_path / "shop" / name / "tiny"
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(content)
    found = read_reports(tmp_path, "tiny")
    lines = table(found | {"shop/refused": refused}).splitlines()
    assert lines[2] == "| shop/new | 9 on 3 | 2.50 → 1.25 | 10% → 80% | 20% → 30% | 0.25 → 0.50 | +0.8% |  |"
    assert lines[3].endswith("| not active: It forgets. |")
    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {9}
