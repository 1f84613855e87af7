"""`retinue`: serve, ask, copilots, bases, pair, doctor. Commands import what they need, so that help comes at once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from server.cli.bases import bases_app
from server.cli.copilots import copilots_app
from server.errors import RetinueError
from server.settings import Settings, load_settings

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A retinue of specialists at the side of any web page, on your own machine.",
)
pair_app = typer.Typer(no_args_is_help=True, help="Which browsers are paired, and how to end that.")
app.add_typer(pair_app, name="pair")
app.add_typer(bases_app, name="bases")
app.add_typer(copilots_app, name="copilots")

_CLONE = Path(__file__).parents[2]
_INPUT_CODES = ("page_", "copilot_", "question_", "settings_", "history_", "answer_")


def _console() -> Console:
    return Console(highlight=False)


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1; RETINUE_PORT or 8377 when left out.")] = None,
    base: Annotated[str | None, typer.Option(help="Base model; `retinue bases` lists them.")] = None,
    weights: Annotated[str | None, typer.Option(help="auto, bf16, int8 or int4; `retinue doctor --weights`.")] = None,
) -> None:
    """Start the local server and print the pairing code."""
    _stay_offline()
    from server.cli.serve import serve as run_server
    from server.log import set_up_log

    set_up_log()
    run_server(_settings(port=port, base=base, weights=weights), _console())


@app.command()
def ask(
    copilot: Annotated[str, typer.Argument(help="Id or short name, e.g. contract-review; or generalist.")],
    question: Annotated[str, typer.Argument(help="What to ask.")],
    page: Annotated[str, typer.Option(help="HTML, Markdown, text or PDF file; - reads standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
    base: Annotated[str | None, typer.Option(help="Base model, when no server runs.")] = None,
) -> None:
    """Ask a copilot about a file. Uses the running server, or loads the base model here."""
    _stay_offline()
    from server.cli.ask import ask as run_ask
    from server.cli.ask import make_local_parts
    from server.text.documents import read_document

    run_ask(
        _settings(base=base),
        copilot=copilot,
        document=read_document(page),
        question=question,
        console=_console(),
        as_json=as_json,
        make_parts=make_local_parts,
    )


_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command(context_settings=_PASS_ON)
def train(context: typer.Context) -> None:
    """Make a copilot's adapter from its examples (`retinue train --help`)."""
    _run_training(context)


@app.command(context_settings=_PASS_ON)
def evaluate(context: typer.Context) -> None:
    """Measure a copilot before and after its adapter (`retinue evaluate --help`)."""
    _run_training(context)


@app.command(context_settings=_PASS_ON)
def bench(context: typer.Context) -> None:
    """Measure this machine against peers (`retinue bench --help`); works in a clone of the repository."""
    if not (_CLONE / "bench" / "__main__.py").is_file():
        raise RetinueError(
            "The benchmarks are not part of the installed package. Clone the repository and run `make bench` there.",
            code="bench_missing",
        )
    raise typer.Exit(subprocess.run([sys.executable, "-m", "bench", *context.args], check=False).returncode)  # noqa: S603


@app.command()
def doctor(
    weights: Annotated[bool, typer.Option("--weights", help="Measure bf16, int8 and int4; `auto` takes the best.")] = (
        False
    ),
) -> None:
    """Check this machine; one line each, with what to do."""
    from server.cli.doctor import examine, examine_weights

    settings = _settings()
    findings = list(examine(settings))
    if weights:
        _stay_offline()
        findings += examine_weights(settings)
    for finding in findings:
        state = f"[yellow]{finding.fix}[/]" if finding.fix else "[green]ok[/]"
        _console().print(f"{finding.what:13} {finding.found}: {state}", soft_wrap=True)
    if any(finding.fix for finding in findings):
        raise typer.Exit(1)


@pair_app.command("list")
def pair_list() -> None:
    """List the paired origins. A new one pairs with the code that `retinue serve` shows."""
    from server.transport.keyfile import KeyFile

    for origin in KeyFile(_settings().config_dir).origins():
        _console().print(origin, soft_wrap=True)


@pair_app.command("revoke")
def pair_revoke(origin: Annotated[str, typer.Argument(help="As `retinue pair list` shows it.")]) -> None:
    """Forget a paired origin; a running server closes its sockets."""
    from server.transport.keyfile import KeyFile

    if not KeyFile(_settings().config_dir).revoke(origin):
        raise RetinueError(f"{origin} is not paired.", code="pairing_unknown")
    _console().print(f"{origin} is no longer paired.", soft_wrap=True)


def _stay_offline() -> None:
    """Before transformers is imported: it must look for nothing on the hub, and draw no bars into our output."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def _run_training(context: typer.Context) -> None:
    """In a process of its own: a training run that dies takes nothing with it, and the server never imports it."""
    command = [sys.executable, "-m", "training", str(context.info_name), *context.args]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own interpreter and module


def _settings(**overrides: Any) -> Settings:
    return load_settings(**{name: value for name, value in overrides.items() if value is not None})


def main() -> None:
    """Every error is one line, `retinue: code: sentence`. Exit status: 2 for bad input, 1 for other errors."""
    try:
        app()
    except RetinueError as error:
        print(f"retinue: {error.code}: {error.message}", file=sys.stderr)
        sys.exit(2 if error.code.startswith(_INPUT_CODES) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
