"""`python -m training tune`: trains all weights of a base. A command of main; torch is imported
when the command runs.
"""

import re
import signal
from pathlib import Path
from typing import Annotated

import typer

from server.catalog.bases import find_encoder
from server.errors import BaseError
from server.settings import load_settings
from training.cli.options import (
    NiceOption,
    ProgressFormat,
    ProgressOption,
    ThreadsOption,
    give_way,
    one_line_errors,
    quiet,
    shown,
)
from training.plan import find_base

_KEPT_BYTES_MAX = 2**31 - 1  # the most that glibc takes
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


def tune(
    base: Annotated[str, typer.Argument(help="name or folder of the base to begin from")],
    data: Annotated[list[Path], typer.Option(help="folder with pages/, train.jsonl, heldout.jsonl; may be repeated")],
    out: Annotated[str, typer.Option(help="name of the new base")],
    minutes: Annotated[float | None, typer.Option(min=0.1, help="end after so many minutes of training")] = None,
    epochs: Annotated[int, typer.Option(min=1, max=100, help="passes over the rows, where the minutes allow")] = 2,
    lr: Annotated[float, typer.Option(min=1e-7, max=0.1, help="the highest learning rate")] = 1e-4,
    batch: Annotated[int, typer.Option(min=1, max=1024, help="questions a step")] = 16,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    progress: ProgressOption = ProgressFormat.bar, threads: ThreadsOption = 0, nice: NiceOption = 0,
) -> None:  # fmt: skip
    """Train all weights of a base: a new base, with what it gained and forgot in its card.

    A killed run goes on where it was. An adapter (`train`) is far smaller and needs far less memory.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: no partial files remain
    with one_line_errors(progress):
        if not _NAME.fullmatch(out):
            raise BaseError(f"{out!r} is no name for a base: letters, digits, dots and dashes only.", code="base_name")
        give_way(nice)
        quiet(threads)
        from platformdirs import user_cache_path

        from server.engine.local.allocator import keep_freed_memory
        from training.dataset.search import open_encoder
        from training.tune import job as tune_base
        from training.tune.card import card
        from training.tune.loop import TuneRecipe

        keep_freed_memory(bytes_max=_KEPT_BYTES_MAX)
        settings = load_settings()
        job = tune_base.TuneJob(
            base=find_base(base, places=(settings.bases_dir,)), data=tuple(data), out=settings.bases_dir / out,
            work=user_cache_path("retinue") / "training" / "tune" / out,
            recipe=TuneRecipe(lr=lr, batch=batch, epochs=epochs, seed=seed, minutes=minutes),
            encoder=open_encoder(find_encoder(settings)),
        )  # fmt: skip
        with shown(progress) as on_event:
            report = tune_base.tune(job, on_event=on_event)
        if progress == ProgressFormat.bar:
            print(card(report))
