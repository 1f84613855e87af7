"""`python -m training`: check, train, evaluate, calibrate, all, table, corrections; tune. The server starts
`train` and `evaluate` as child processes.

Errors are one line, `code: sentence`, on standard error, exit status 1; with `--progress json` an event as well.
torch is imported by the commands only.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from server.catalog.layout import FINDER, GENERAL
from server.errors import DataError, RetinueError
from server.settings import load_settings
from server.terminal import cell, plain, terminal
from training.cli.options import (
    BaseOption,
    CopilotArgument,
    DataOption,
    HeldOutOption,
    NiceOption,
    OutOption,
    ProgressFormat,
    ProgressOption,
    RecipeOption,
    ThreadsOption,
    give_way,
    one_line_errors,
    quiet,
    shown,
)
from training.cli.tune import tune
from training.dataset.examples import Examples
from training.plan import calibration, find_copilot, finder_job, general_job, job, owners
from training.progress import print_report

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Makes adapters, and tunes base models.",
    pretty_exceptions_enable=False,
)


@app.command()
def check(copilot: CopilotArgument, data: DataOption = None) -> None:
    """Read a copilot's examples and show what they are made of; exit status 1 when they should not be trained on."""
    from rich.table import Table

    from training.dataset.audit import audit

    with one_line_errors():
        record = find_copilot(copilot)
        lines = audit(Examples(record.id, data=data), checks=record.checks)
        table = Table("", "", "refused because", title=plain(record.id), box=None, title_justify="left")
        for line in lines:
            table.add_row(cell(line.name), cell(line.value), cell(line.wrong))
        terminal().print(table)
        wrong = [line for line in lines if line.wrong]
        if wrong:
            raise DataError(f"{record.id}: {wrong[0].name}: {wrong[0].value}: {wrong[0].wrong}.", code="data_check")


@app.command()
def train(
    copilot: CopilotArgument, base: BaseOption = "", recipe: RecipeOption = None, data: DataOption = None,
    out: OutOption = None, progress: ProgressOption = ProgressFormat.bar, threads: ThreadsOption = 0,
    with_corrections: Annotated[bool, typer.Option(help="add your own corrections; implies --own")] = False,
    own: Annotated[bool, typer.Option(help="put the adapter into your own folder; the one in use there is kept")]
    = False,
    plain: Annotated[bool, typer.Option(help="a variant that acts on the page too, for vLLM; beside the adapter")]
    = False,
    nice: NiceOption = 0, heldout_max: HeldOutOption = 0,
    corpus: Annotated[Path | None, typer.Option(help="for `general`, `finder`: open texts and questions")]
    = None,
    rows: Annotated[int, typer.Option(min=1, help="for `general`: how many rows it sees")] = 20_000,
    minutes: Annotated[float | None, typer.Option(min=0, help="pause `general` then, end `finder` then")] = None,
    start: Annotated[Path | None, typer.Option(help="for `general`: an adapter folder to go on from")] = None,
) -> None:  # fmt: skip
    """Train one adapter and measure it before and after on held-out pages. A killed run goes on where it was.

    `general` makes the general adapter, from which the copilots' start; `finder` makes that of the sentence encoder.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: no partial files remain
    with one_line_errors(progress):
        give_way(nice)
        quiet(threads)
        from training import make

        if copilot == FINDER:
            from training.finder.run import train_finder

            with shown(progress) as on_event:
                train_finder(finder_job(data=data, out=out, corpus=corpus, minutes=minutes), on_event=on_event)
            return
        if copilot == GENERAL:
            from training.general.run import train_general

            with shown(progress) as on_event:
                wanted = general_job(
                    base=base, recipe=recipe, data=data, out=out, corpus=corpus, rows=rows, start=start
                )  # fmt: skip
                train_general(wanted, minutes=minutes, on_event=on_event)
            return

        with shown(progress) as on_event:
            one = job(
                copilot, base=base, recipe=recipe, data=data, out=out,
                own=own or with_corrections, with_corrections=with_corrections, heldout_max=heldout_max, plain=plain,
            )  # fmt: skip
            report = make.train(one, on_event=on_event)
        if progress == ProgressFormat.bar:
            print_report(report)


@app.command()
def evaluate(
    copilot: CopilotArgument, base: BaseOption = "", recipe: RecipeOption = None, data: DataOption = None,
    out: OutOption = None, progress: ProgressOption = ProgressFormat.bar, threads: ThreadsOption = 0,
    heldout_max: HeldOutOption = 0,
    write: Annotated[bool, typer.Option("--write", help="renew report.json and the card")] = False,
) -> None:  # fmt: skip
    """Measure an adapter that exists, once more. Writes nothing, but with --write."""
    with one_line_errors():
        quiet(threads)
        from training import make

        one = job(copilot, base=base, recipe=recipe, data=data, out=out, heldout_max=heldout_max)
        report = make.evaluate(one, write=write)
        if progress == ProgressFormat.json:
            print(json.dumps({"event": "report", **report}), flush=True)
        else:
            print_report(report)


@app.command()
def calibrate(
    owner: Annotated[str, typer.Argument(help="a category, a copilot with an adapter of its own, or `general`")],
    base: BaseOption = "", data: DataOption = None, threads: ThreadsOption = 0, heldout_max: HeldOutOption = 0,
) -> None:  # fmt: skip
    """Find out on held-out questions how sure an adapter must be to say "The page does not say.", and keep it in its
    lock.json. Training does so at its end.
    """
    with one_line_errors():
        quiet(threads)
        from training.calibrate import calibrate as run

        wanted = calibration(owner, base=base, data=data, heldout_max=heldout_max)
        for name, least in run(wanted).items():
            print(f"{plain(owner)}: {name}: {'too few questions' if least is None else least}")


@app.command()
def corrections(
    file: Annotated[Path, typer.Argument(help="JSON lines: page, copilot, question, answer, corrected")],
    copilot: Annotated[str, typer.Option(help="<category>/<name>")],
) -> None:
    """Turn your corrected answers into examples, redacted, in your own folder. Lines that cannot be used are named."""
    from training.dataset.corrections import prepare

    with one_line_errors():
        record = find_copilot(copilot)
        folder = load_settings().user_dir / "corrections" / record.id
        folder.parent.mkdir(parents=True, exist_ok=True)
        found = prepare(file, record.id, folder)
        for line, reason, _ in found.refused:
            print(plain(f"{file.name}, line {line}: {reason}", lines=False), file=sys.stderr)
        left = f"{found.repeated} repeated, {found.over_site_cap} over the cap of their site"
        print(f"{found.count('train')} for training, {found.count('heldout')} held out; left out: {left}, ", end="")
        print(f"{len(found.refused)} refused, {found.of_others} for other copilots. {folder}")
        if not found.made:
            raise DataError("No correction could be used.", code="data_corrections")


@app.command(name="all")
def all_copilots(
    base: BaseOption = "", recipe: RecipeOption = None, data: DataOption = None,
    progress: ProgressOption = ProgressFormat.bar, threads: ThreadsOption = 0, nice: NiceOption = 0,
    heldout_max: HeldOutOption = 0,
) -> None:  # fmt: skip
    """Train the adapter of every category, then those of its copilots that have many examples, where they are not up to
    date."""
    give_way(nice)
    quiet(threads)
    from training import make

    failed = False
    data = data or load_settings().adapters_dir
    for owner in owners(data):
        try:
            one = job(owner, base=base, recipe=recipe, data=data, out=None, heldout_max=heldout_max)
            if one.up_to_date:
                print(f"{owner}: up to date", file=sys.stderr, flush=True)
                continue
            with shown(progress) as on_event:
                report = make.train(one, on_event=on_event)
        except RetinueError as error:  # bad examples of one must not stop the others
            print(f"{error.code}: {plain(error.message, lines=False)}", file=sys.stderr, flush=True)
            failed = True
            continue
        if progress == ProgressFormat.bar:
            print_report(report)
    if failed:
        raise typer.Exit(1)


@app.command()
def table(base: BaseOption = "") -> None:
    """Print what all adapters of a base gained and lost, as a Markdown table for the README."""
    from training.measure.table import read_reports
    from training.measure.table import table as as_markdown

    settings = load_settings()
    print(as_markdown(read_reports(settings.adapters_dir, Path(base or settings.base).name)))


app.command()(tune)
