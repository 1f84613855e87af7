"""`python -m bench`: our figures and the peers', on one machine in one run. `make bench` and `make bench-all` call it.

Run it on an idle machine. Everything that it makes (random base, converted files) stays in BENCH_CACHE_DIR.
"""

import asyncio
import logging
import os
import signal
import sys
import warnings
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from bench import compose, machine, models, plan, plots, tables
from bench.figures import Results, to_json
from bench.measures import Sizes
from server.errors import RetinueError
from server.settings import load_settings

warnings.filterwarnings("ignore", module="peft|transformers")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_WEIGHTS_OF_PEER = {"int8": "q8_0", "int4": "q4_0"}


class What(StrEnum):
    engine = "engine"  # against transformers + PEFT
    peers = "peers"  # and llama.cpp's server
    adapters = "adapters"  # swaps, memory, thousands of adapters
    all = "all"  # everything, and the curves


@app.command()
def main(
    what: Annotated[What, typer.Argument(help="engine: against transformers + PEFT; peers: llama.cpp too.")] = (
        What.engine
    ),
    base: Annotated[
        list[str] | None, typer.Option(help="Base, or random-05b; repeat. Default: the embedded one, or both.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each measure; the tables show medians.")] = 5,
    quick: Annotated[bool, typer.Option(help="Embedded base only, fewer adapters.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every round of every figure.")] = None,
    plots_dir: Annotated[Path | None, typer.Option("--plots", help="Draw the curves (`all`, `adapters`).")] = None,
    weights: Annotated[str | None, typer.Option(help="Sets RETINUE_WEIGHTS for our side.")] = None,
    peer_weights: Annotated[
        str | None, typer.Option(help="llama.cpp's types, with commas: bf16,q8_0,q4_0. Default: as --weights.")
    ] = None,
    page_tokens: Annotated[int | None, typer.Option(min=100, help="Length of the long page.")] = None,
    answer_tokens: Annotated[int | None, typer.Option(min=2, help="Length of the measured answers.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Measure this machine. Progress goes to standard error."""
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.WARNING)
    logging.getLogger("bench").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers must go with us
    if weights:
        os.environ["RETINUE_WEIGHTS"] = weights
    settings = load_settings().model_copy(update={"user_dir": models.cache_dir() / "user"})
    torch.set_num_threads(settings.threads)
    names = base or (
        [settings.base] if quick or what in (What.engine, What.adapters) else [settings.base, "random-05b"]
    )
    chosen = (peer_weights or _WEIGHTS_OF_PEER.get(weights or "", "bf16")).split(",")
    options = plan.Options(
        what=what.value, rounds=rounds, quick=quick, sizes=_sizes(page_tokens, answer_tokens),
        peer_weights=tuple(chosen), device=device, threads=settings.threads,
    )  # fmt: skip
    results = Results(
        machine.describe(threads=settings.threads, device=device),
        {"what": what.value, "bases": names, "rounds": rounds, "weights": weights or "default", "peer": chosen},
    )
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    compose.roof(results, options)
    try:
        for name in names:
            asyncio.run(compose.measure_base(results, plan.prepare(name, settings, options)))
    finally:
        tables.show(results, console)
        if json_file is not None:
            json_file.parent.mkdir(parents=True, exist_ok=True)
            json_file.write_text(to_json(results) + "\n", encoding="utf-8")
        if plots_dir is not None:
            plots.draw(results, plots_dir)


def _sizes(page: int | None, answer: int | None) -> Sizes | None:
    """None: by the base's size."""
    if page is None and answer is None:
        return None
    some = plan.SMALL
    return Sizes(
        page=page or some.page,
        short_page=min(some.short_page, page or some.page),
        answer=answer or some.answer,
        panel_answer=answer or some.panel_answer,
    )


if __name__ == "__main__":
    try:
        app()
    except RetinueError as error:
        print(f"bench: {error.code}: {error.message}", file=sys.stderr)
        sys.exit(1)
