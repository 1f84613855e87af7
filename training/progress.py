"""A training run in the terminal: one bar, one line an epoch, the report as a table. Called by cli; knows no torch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from server.terminal import cell, say, terminal


@contextmanager
def shown_as_bar() -> Iterator[Callable[[dict[str, object]], None]]:
    """A function that takes the events of `make.train`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=terminal(stderr=True)) as progress:
        task = progress.add_task("training", total=1, visible=False)

        def on_event(event: dict[str, Any]) -> None:
            kind = event["event"]
            if kind == "step":
                progress.update(
                    task, visible=True, completed=event["step"], total=event["steps"],
                    description=f"epoch {event['epoch']}, loss {event['loss']:.3f}",
                )  # fmt: skip
            else:
                say(_line(event), console=progress.console)

        yield on_event


def print_report(report: dict[str, Any]) -> None:
    """Before and after, side by side, and the verdict."""
    table = Table("held-out", "before", "after", "change, 95 % interval", box=None)
    for name in ("loss", "checks"):
        row = report[name]
        table.add_row(
            name, f"{row['before']}", f"{row['after']}", f"{row['change']} ({row['ci95'][0]} to {row['ci95'][1]})"
        )
    for name, row in report["checks"]["each"].items():
        table.add_row(cell(f"  {name} ({row['examples']})"), f"{row['before']}", f"{row['after']}", "")
    found = report["abstention"]
    table.add_row("does not say, F1", f"{found['before']['f1']}", f"{found['after']['f1']}", "")
    terminal().print(table)
    say(("active: " if report["active"] else "not active: ") + report["reason"])


def _line(event: dict[str, Any]) -> str:
    kind = event["event"]
    if kind == "start":
        examples = f"{event['examples']} examples, {event['heldout']} held out"
        return (
            f"{event['copilot']} for {event['base']}: {examples}\nsupervised text of the first: {event['supervised']}"
        )
    if kind == "epoch":
        rest = f", train {event['train_loss']}, {event['seconds']:.0f} s" if "train_loss" in event else " (before)"
        return f"epoch {event['epoch']:.0f}: held-out {event['heldout_loss']}{rest}"
    if kind == "resumed" and "epochs" in event:
        return f"goes on after epoch {event['epoch']}"
    if kind == "memory":
        return f"needs {event['needs']}"
    if kind == "done":
        return f"done in {event['seconds']} s: {event['folder']}"
    return f"{kind} {' '.join(f'{key} {value}' for key, value in event.items() if key != 'event')}".strip()
