"""Curves of a run as PNG files: cost against page length, number of rows, number of adapters."""

import re
from itertools import groupby
from pathlib import Path

from bench.figures import Figure, Results


def draw(results: Results, folder: Path) -> list[Path]:
    """One file for each measure that has an x; returns the files."""
    import matplotlib as mpl

    mpl.use("Agg")
    curves = [figure for figure in results.figures if figure.at is not None]
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _draw(list(found), folder / f"{_slug(' '.join(key))}.png")
        for key, found in groupby(sorted(curves, key=_key), key=_key)
    ]


def _key(figure: Figure) -> tuple[str, str, str]:
    return figure.model, figure.table, figure.measure


def _draw(figures: list[Figure], file: Path) -> Path:
    from matplotlib import pyplot, ticker

    some = figures[0]
    plot, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for contender in dict.fromkeys(figure.contender for figure in figures):
        points = sorted(
            (f.at or 0, f.median, min(f.rounds), max(f.rounds)) for f in figures if f.contender == contender
        )
        at, medians, low, high = zip(*points, strict=True)
        axes.plot(at, medians, marker="o", label=contender)
        axes.fill_between(at, low, high, alpha=0.15)
    axes.set(xscale="log", yscale="log", xlabel=some.table, ylabel=f"{some.measure} ({some.unit})", title=some.model)
    axes.set_xticks(sorted({f.at or 0 for f in figures}), [f"{x:,.0f}" for x in sorted({f.at or 0 for f in figures})])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.grid(alpha=0.3)
    axes.legend()
    plot.savefig(file, dpi=120)
    pyplot.close(plot)
    return file


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
