"""`retinue`: serve, ask, copilots, bases, engine, threads, pair, install, doctor.

Commands import what they need, so that help comes at once.
"""

import contextlib
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from server.cli.bases import bases_app
from server.cli.copilots import copilots_app
from server.cli.engine import engine_app
from server.cli.install import install, uninstall
from server.cli.keys import keys_app
from server.cli.threads import threads_app
from server.errors import RetinueError
from server.files import refusal_of
from server.settings import Settings, load_settings
from server.terminal import cell, plain, say, terminal

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
app.add_typer(engine_app, name="engine")
app.add_typer(keys_app, name="keys")
app.add_typer(threads_app, name="threads")
app.command()(install)
app.command()(uninstall)

_CLONE = Path(__file__).parents[2]
_INPUT_CODES = ("page_", "copilot_", "question_", "settings_", "history_", "answer_")


def _console() -> Console:
    return terminal()


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1; RETINUE_PORT or 8377 when left out.")] = None,
    base: Annotated[str | None, typer.Option(help="Base model; `retinue bases` lists them.")] = None,
    weights: Annotated[str | None, typer.Option(help="auto, bf16, int8 or int4; `retinue doctor --weights`.")] = None,
    engine: Annotated[
        str | None, typer.Option(help="local, openai (any server in OpenAI's form), vllm or llamacpp.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Its address, such as http://127.0.0.1:11434/v1.")] = None,
    model: Annotated[str | None, typer.Option(help="Which of its models; its key: `retinue engine key`.")] = None,
    allow_remote: Annotated[
        bool | None, typer.Option("--allow-remote", help="The text of pages may leave this machine, over https.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; beyond 127.0.0.1 the three below are needed.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    public_name: Annotated[
        str | None, typer.Option(help="The name by which others reach it, their keys in hand.")
    ] = None,
    log: Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")] = None,
) -> None:
    """Start the local server and print the pairing code."""
    _stay_offline()
    from server.cli.doctor_report import lines_for_sidebar
    from server.cli.serve import serve as run_server
    from server.log import set_up_log, write_to

    if log is not None:
        write_to(log)
    set_up_log()
    try:
        settings = _settings(
            port=port, base=base, weights=weights, engine=engine, engine_url=url, engine_model=model,
            engine_remote_allowed=allow_remote, host=host, tls_cert=tls_cert, tls_key=tls_key, public_name=public_name,
        )  # fmt: skip
        run_server(settings, _console(), look=lines_for_sidebar)
    except RetinueError as error:
        _end_at_once(_report(error))


@app.command()
def ask(
    copilot: Annotated[str, typer.Argument(help="Id or short name, e.g. contract-review; or generalist.")],
    question: Annotated[str, typer.Argument(help="What to ask.")],
    page: Annotated[
        str | None, typer.Option(help="HTML, Markdown, text or PDF file; - reads standard input. None: no page.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
    base: Annotated[str | None, typer.Option(help="Base model, when no server runs.")] = None,
) -> None:
    """Ask a copilot, about a file mostly. Uses the running server, or loads the base model here."""
    _stay_offline()
    from server.cli.ask import ask as run_ask
    from server.cli.ask import make_local_parts
    from server.text.documents import read_document

    settings = _settings(base=base)
    run_ask(
        settings,
        copilot=copilot,
        document=None if page is None else read_document(page, seconds_max=settings.document_s_max, tell=_tell_pages),
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
    as_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
) -> None:
    """Check this machine; one line each, with what to do."""
    from server.cli.doctor import examine, examine_weights
    from server.cli.doctor_report import report_of

    settings = _settings()
    findings = list(examine(settings))
    if weights:
        _stay_offline()
        findings += examine_weights(settings)
    if as_json:
        print(report_of(findings).model_dump_json())
    else:
        for finding in findings:
            state = cell(finding.fix, "yellow") if finding.fix else Text("ok", "green")
            _console().print(cell(f"{finding.what:13} {finding.found}: ") + state, soft_wrap=True)
    if any(finding.fix for finding in findings):
        raise typer.Exit(1)


@pair_app.command("list")
def pair_list() -> None:
    """List the paired browsers: id, name, Origin, since when. A new one pairs with the code of `retinue pair code`."""
    from server.transport.keyfile import KeyFile

    for one in KeyFile(_settings().config_dir).pairings():
        say(f"{one.id}  {one.name or '-':24} {one.origin}  {one.paired_on}".rstrip())


@pair_app.command("revoke")
def pair_revoke(which: Annotated[str, typer.Argument(help="Id or Origin, as `retinue pair list` shows it.")]) -> None:
    """Forget a paired browser, or all of an Origin; a running server closes their sockets at once."""
    from server.transport.keyfile import KeyFile

    gone = KeyFile(_settings().config_dir).revoke(which)
    if not gone:
        raise RetinueError(f"{which} is not paired.", code="pairing_unknown")
    for one in gone:
        say(f"{one.name or one.origin} ({one.id}) is no longer paired.")


@pair_app.command("code")
def pair_code() -> None:
    """Make a new pairing code; the one that the server showed is void then."""
    from server.transport.pairing import PairingCode

    settings = _settings()
    PairingCode.for_settings(
        settings, announce=lambda code: say(f"Pairing code: {code} (valid {settings.pairing_s:.0f} s)")
    ).issue()


def _tell_pages(done: int, total: int) -> None:
    """How far a PDF is read, on a terminal only."""
    console = terminal(stderr=True)
    if console.is_terminal:
        console.print(f"\rPage {done} of {total} …", end="\n" if done == total else "", style="dim")


def _stay_offline() -> None:
    """Before transformers is imported: it must look for nothing on the hub, and write no bars and no advice to its own
    users into our output.
    """
    warnings.filterwarnings("ignore", category=FutureWarning)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def _run_training(context: typer.Context) -> None:
    """In a process of its own: a training run that dies takes nothing with it, and the server never imports it."""
    command = [sys.executable, "-m", "training", str(context.info_name), *context.args]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own interpreter and module


def _settings(**overrides: Any) -> Settings:
    return load_settings(**{name: value for name, value in overrides.items() if value is not None})


def _report(error: RetinueError) -> int:
    """Prints the error; gives the exit status."""
    print(f"retinue: {error.code}: {plain(error.message, lines=False)}", file=sys.stderr)
    return 2 if error.code.startswith(_INPUT_CODES) else 1


def _end_at_once(status: int) -> None:
    """A thread that still loads, or hangs, would hold the process for as long as it likes."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main() -> None:
    """Every error is one line, `retinue: code: sentence`. Exit status: 2 for bad input, 1 for other errors."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except RetinueError as error:
        sys.exit(_report(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _drop_output()
        sys.exit(141)
    except OSError as error:
        if error.filename is None:  # the output's own disk
            _drop_output()
        sys.exit(_report(refusal_of(error)))


def _drop_output() -> None:
    """What is still unwritten cannot be: Python would complain of it at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
