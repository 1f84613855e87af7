"""`python -m training calibrate`: how sure an adapter that exists must be to say that the page does not say, measured
on held-out questions and kept in its lock.json. Called by cli; a training run does the same at its end.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from transformers import AutoTokenizer

from server.catalog.bases import EncoderFiles
from server.catalog.copilots import Copilot
from server.catalog.layout import GENERAL
from server.engine.adapter_lock import read_lock, write_lock
from server.files import CONFIG_BYTES_MAX, read_regular
from server.text.prompt import PromptLayout
from training.dataset.examples import Examples, Pages
from training.dataset.render import Rendered, Renderer
from training.dataset.search import Search, open_encoder
from training.fit import adapter
from training.fit.prefix import PrefixCache
from training.material import evenly, with_pages
from training.measure.calibrate import calibrated


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """`folder`: the adapter's; `copilots`: those for which it answers. `general` examples are asked where there are
    to be so many of them; `heldout_max` of each copilot's, 0: all.
    """

    folder: Path
    base: Path
    data: Path
    encoder: EncoderFiles | None
    copilots: tuple[Copilot, ...]
    general: int = 0
    heldout_max: int = 0


def calibrate(job: Calibration) -> dict[str, float | None]:
    """The probabilities that lock.json now holds; None: too few held-out questions without an answer.

    Raises CopilotError, BaseError, DataError.
    """
    lock = read_lock(job.folder)
    layout = PromptLayout(AutoTokenizer.from_pretrained(job.base, local_files_only=True))
    config = json.loads(read_regular(job.base / "config.json", bytes_max=CONFIG_BYTES_MAX))
    context, search = int(config["max_position_embeddings"]), Search(open_encoder(job.encoder))
    plain = Renderer(layout, instructions="", context=context, search=search)
    rows = list(itertools.chain.from_iterable(_rows(job, plain)))
    model = adapter.load_adapter(adapter.load_base(job.base, dtype="auto"), job.folder)
    found = calibrated(model, PrefixCache(model), rows, layout)
    write_lock(job.folder, lock.model_copy(update=found))
    return found


def _rows(job: Calibration, plain: Renderer) -> Iterator[list[Rendered]]:
    pages: dict[str, Pages] = {}
    for copilot in job.copilots:
        examples = Examples(copilot.id, data=job.data, pages=pages.get(copilot.category))
        pages[copilot.category] = examples.pages
        yield _held_out(examples, plain.after(copilot.instructions), most=job.heldout_max)
    if job.general:
        yield _held_out(Examples(GENERAL, data=job.data), plain, most=job.general)


def _held_out(examples: Examples, renderer: Renderer, *, most: int) -> list[Rendered]:
    return renderer.rows(evenly(with_pages(examples, "heldout"), most=most))
