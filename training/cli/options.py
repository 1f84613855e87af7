"""What all commands of `python -m training` share: options, one-line errors, bars or JSON lines, quiet libraries.

Called by main and tune. torch is imported when a command runs.
"""

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from server.errors import RetinueError
from server.files import refusal_of
from server.terminal import plain


class ProgressFormat(StrEnum):
    bar = "bar"
    json = "json"


CopilotArgument = Annotated[
    str,
    typer.Argument(help="<category>/<name>, e.g. legal/contract-review; a whole category where its adapter is meant"),
]
BaseOption = Annotated[str, typer.Option(help="name or folder of a base model; the server's default when left out")]
RecipeOption = Annotated[Path | None, typer.Option(help="recipe file; by default the one for the base")]
ProgressOption = Annotated[ProgressFormat, typer.Option(help="a bar, or JSON lines for programs")]
DataOption = Annotated[Path | None, typer.Option(help="folder of all examples; by default adapters/")]
OutOption = Annotated[Path | None, typer.Option(help="adapter folder; by default in adapters/")]
NiceOption = Annotated[int, typer.Option(min=0, max=19, help="give way to other programs, where the system can")]
HeldOutOption = Annotated[
    int, typer.Option(min=0, help="measure on so many held-out examples of each copilot at most; 0: on all")
]
ThreadsOption = Annotated[int, typer.Option(min=0, help="processor threads; 0: as many as torch takes")]


@contextmanager
def one_line_errors(progress: ProgressFormat = ProgressFormat.bar) -> Iterator[None]:
    """Turn what a person can mend into one line and exit status 1."""
    try:
        with _files_that_fail():
            yield
    except RetinueError as error:
        if progress == ProgressFormat.json:
            print(json.dumps({"event": "error", "code": error.code, "message": error.message}), flush=True)
        print(f"{error.code}: {plain(error.message, lines=False)}", file=sys.stderr, flush=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        print("cancelled: run the same command again to go on.", file=sys.stderr, flush=True)
        raise typer.Exit(130) from None


@contextmanager
def _files_that_fail() -> Iterator[None]:
    """A full disk or a folder that cannot be written, as a sentence. Raises RetinueError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise refusal_of(error) from error


def give_way(nice: int) -> None:
    """Lower the priority of this process."""
    if nice and hasattr(os, "nice"):
        os.nice(nice)


def quiet(threads: int) -> None:
    """No bars and advice of the libraries between our lines; nothing is asked of any hub.

    At low priority, threads that wait for each other sleep after a moment: while another program is busy, spinning more
    than halves the speed; on idle cores sleeping costs up to a third.
    """
    if hasattr(os, "nice") and os.nice(0) > 0:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # read when torch is loaded
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    warnings.filterwarnings("ignore", category=FutureWarning)
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)


@contextmanager
def shown(progress: ProgressFormat) -> Iterator[Callable[[dict[str, object]], None]]:
    """Events of a run as a bar on standard error, or as JSON lines on standard output."""
    if progress == ProgressFormat.json:
        yield lambda event: print(json.dumps(event), flush=True)
        return
    from training.progress import shown_as_bar

    with shown_as_bar() as on_event:
        yield on_event
