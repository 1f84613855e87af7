"""docs/results.md: every copilot, the worst first, and what was not reached."""

import json
from pathlib import Path
from typing import Any

from training.measure.results import page, read_domains


def copilot(checks: float, *, loss: float = 1.0) -> dict[str, Any]:
    f1 = {"examples": 2, "precision": 1.0, "recall": 1.0, "f1": 0.5}
    return {
        "heldout": {"examples": 13}, "loss": {"before": 1.2, "after": loss},
        "checks": {"before": 0.5, "after": checks}, "evidence": {"before": 0.5, "after": 0.6},
        "abstention": {"before": f1, "after": f1}, "words": {"before": 20.0, "after": 30.0},
        "base_alone": {"loss": 2.0, "checks": 0.1, "evidence": 0.2, "abstention_f1": 0.0, "words": 90.0},
    }  # fmt: skip


def report(**copilots: dict[str, Any]) -> dict[str, Any]:
    return {
        "active": True, "reason": "", "heldout": {"examples": 26},
        "forgetting": {"general": {"rise_share": 0.01}},
        "copilots": {f"shop/{name}": one for name, one in copilots.items()},
    }  # fmt: skip


def test_the_worst_copilot_comes_first_and_what_was_not_reached_is_named() -> None:
    text = page({"shop": report(good=copilot(0.9), bad=copilot(0.3, loss=1.3))}, base="tiny")

    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == ["shop/bad", "shop/good"]
    assert "| 10%, 50%, **30%** | 20%, 50%, 60% | 2.00, 1.20, 1.30 |" in rows[0]
    assert "Copilots below 70%: 1 of 2: `shop/bad`." in text
    assert "mean of the copilots: 60% (to reach: 85%)" in text
    assert "higher loss than with the general adapter: 1: `shop/bad`." in text


def test_reports_that_cannot_be_read_and_those_of_copilots_are_left_out(tmp_path: Path) -> None:
    for category, text in (("shop", json.dumps(report(good=copilot(0.9)))), ("broken", "{"), ("general", "{}")):
        folder = tmp_path / category / "_adapters" / "tiny"
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(text)

    assert list(read_domains(tmp_path, "tiny")) == ["shop"]
    assert "No category has an adapter yet." in page({}, base="tiny")
