"""`python -m training table`: one Markdown table over all adapters of a base, from their report.json. Called by cli.

Knows files and numbers only. The README's table is what this prints.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from server.catalog.layout import ADAPTERS
from server.files import REPORT_BYTES_MAX, read_regular

HEAD = (
    "| copilot | held-out examples, pages | loss per answer token | own checks passed | right block | abstention F1 "
    "| general questions, loss | |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def read_reports(adapters: Path, base: str) -> dict[str, dict[str, Any]]:
    """Copilot id -> report of its adapter for `base`, for all that have one that can be read."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(adapters.glob(f"*/*/{ADAPTERS}/{base}/report.json")):
        report = read_file(file)
        if report is not None:
            found["/".join(file.parts[-5:-3])] = report
    return found


def read_file(file: Path) -> dict[str, Any] | None:
    """None for a report that cannot be read."""
    try:
        report: dict[str, Any] = json.loads(read_regular(file, bytes_max=REPORT_BYTES_MAX))
    except (OSError, ValueError):
        return None
    return report


def table(reports: dict[str, dict[str, Any]]) -> str:
    """Markdown, one line a copilot."""
    return "\n".join([HEAD, *_lines(reports)])


def _lines(reports: dict[str, dict[str, Any]]) -> Iterator[str]:
    for copilot, report in reports.items():
        held, loss, checks = report["heldout"], report["loss"], report["checks"]
        was, now = (report["abstention"][when]["f1"] for when in ("before", "after"))
        placed, general = report["evidence"], report["forgetting"]["general"]
        yield (
            f"| {copilot} | {held['examples']} on {held['pages']} | {loss['before']:.2f} → {loss['after']:.2f} "
            f"| {checks['before']:.0%} → {checks['after']:.0%} "
            f"| {placed['before']:.0%} → {placed['after']:.0%} "
            f"| {was:.2f} → {now:.2f} "
            f"| {general['rise_share']:+.1%} | {_state(report)} |"
        )


def _state(report: dict[str, Any]) -> str:
    return "" if report["active"] else f"not active: {report['reason']}"
