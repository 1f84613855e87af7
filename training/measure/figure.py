"""report.png of an adapter: a small, calm picture on a light ground. Called by make.

Knows plain numbers only; matplotlib is imported when a picture is drawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BEFORE, AFTER, INK, QUIET = "#b9bfc9", "#2f6f8f", "#2b2f36", "#8a919c"
ROWS_MAX = 12
_STYLE = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": QUIET,
    "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "text.color": INK, "figure.facecolor": "white",
}  # fmt: skip


def draw_report(report: Mapping[str, Any], file: Path) -> None:
    """Losses on the left (own, general, others'), each check on the right with its 95 % interval by page."""
    rows = max(len(report["checks"]["each"]), 2 + len(report["forgetting"]["others"]))
    with _figure(2, height=1.5 + 0.32 * min(ROWS_MAX, max(4, rows))) as (figure, (left, right)):
        _losses(left, report)
        _checks(right, report["checks"]["each"])
        state = "active" if report["active"] else "not active"
        figure.suptitle(f"{report['copilot']} for {report['base']}: {state}", fontsize=10, x=0.01, ha="left")
        figure.legend(*_legend(), loc="outside lower left", ncols=2, frameon=False)
        figure.savefig(file, dpi=100, metadata={"Software": None})
    file.chmod(0o644)


def _losses(axes: Any, report: Mapping[str, Any]) -> None:
    forgot = report["forgetting"]
    rows = {"own questions": report["loss"], "general": forgot["general"]} | forgot["others"]
    names = list(rows)[:ROWS_MAX]
    for place, name in enumerate(names):
        _pair(axes, place, rows[name]["before"], rows[name]["after"])
    _rows(axes, [name.rpartition("/")[2] for name in names])
    axes.set_xlim(left=0)
    axes.set_xlabel("loss per answer token, less is better")


def _checks(axes: Any, each: Mapping[str, Mapping[str, Any]]) -> None:
    for place, (_, row) in enumerate(each.items()):
        _pair(axes, place, row["before"], row["after"], row.get("ci95_before"), row.get("ci95_after"))
    _rows(axes, [name.replace("_", " ") for name in each])
    axes.set_xlim(0, 1)
    axes.set_xlabel("answers that pass, more is better")


def _pair(axes: Any, place: int, before: float, after: float, *intervals: Sequence[float] | None) -> None:
    """A grey bar before and a blue one after, with whiskers where there are intervals."""
    for offset, value, colour in ((-0.18, before, BEFORE), (0.18, after, AFTER)):
        axes.barh(place + offset, value, height=0.32, color=colour, zorder=2)
    for offset, found in zip((-0.18, 0.18), intervals, strict=False):
        if found is not None:
            axes.plot(found, [place + offset] * 2, color=INK, linewidth=0.9, zorder=3)


def _rows(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(1, len(names)) - 0.5, -0.5)
    axes.tick_params(left=False)
    axes.grid(axis="x", alpha=0.25, zorder=0)


def _legend() -> tuple[list[Any], list[str]]:
    from matplotlib.patches import Patch

    return [Patch(color=BEFORE), Patch(color=AFTER)], ["base with the same instructions", "with the adapter"]


@contextmanager
def _figure(columns: int, *, height: float) -> Iterator[tuple[Any, Any]]:
    """A figure without pyplot: it leaves no global state, and equal numbers give equal bytes."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure, figure.subplots(1, columns, squeeze=False)[0]
