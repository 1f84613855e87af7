"""Results -> tables on the terminal: one row a measure, one column a contender, and how we stand to the best peer."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from bench.figures import Figure, Results
from bench.peers.ours import NAME as OURS


def show(results: Results, console: Console) -> None:
    for model, name in results.tables():
        console.print(_table(model, name, results.table(model, name)))
    for note in results.notes:
        console.print(f"· {note}", soft_wrap=True)


def rows(figures: list[Figure]) -> Iterator[tuple[str, str, dict[str, Figure]]]:
    """(measure, unit, figure of each contender), in the order in which they were measured."""
    for measure, unit, at in dict.fromkeys((f.measure, f.unit, f.at) for f in figures):
        found = {f.contender: f for f in figures if (f.measure, f.at) == (measure, at)}
        yield (measure if at is None else f"{measure}, {at:,.0f}"), unit, found


def times_better(found: dict[str, Figure]) -> float | None:
    """Ours against the best peer: 2.0 is twice as good, below 1 the peer is better. None where nothing compares."""
    ours = found.get(OURS)
    peers = [figure.median for name, figure in found.items() if name != OURS]
    if ours is None or not peers or ours.better == "neither":
        return None
    best = min(peers) if ours.better == "lower" else max(peers)
    over, under = (best, ours.median) if ours.better == "lower" else (ours.median, best)
    return over / under if under else None


def number(value: float) -> str:
    """Three digits that mean something, no more."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(model: str, name: str, figures: list[Figure]) -> Table:
    contenders = list(dict.fromkeys(figure.contender for figure in figures))
    compared = OURS in contenders and len(contenders) > 1
    rounds = max(len(figure.rounds) for figure in figures)
    table = Table(title=f"{model}: {name} (medians of {rounds})", title_justify="left")
    table.add_column("measure")
    for contender in contenders:
        table.add_column(contender, justify="right", overflow="fold")
    if compared:
        table.add_column("times the best peer", justify="right", overflow="fold")
    for measure, unit, found in rows(figures):
        cells = [number(found[name].median) if name in found else "-" for name in contenders]
        ratio = times_better(found)
        last = [f"{ratio:.2f}" if ratio is not None else "-"] if compared else []
        table.add_row(f"{measure} ({unit})" if unit else measure, *cells, *last)
    return table
