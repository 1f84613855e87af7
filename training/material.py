"""What a run is made of and measured on: tokenizer, layout, and the rendered rows of each copilot. Called by make."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from peft import PeftModel
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from server.catalog.copilots import Copilot
from server.catalog.layout import GENERAL
from server.files import CONFIG_BYTES_MAX, read_regular
from server.text.checks import CheckSpec
from server.text.page import Page
from server.text.prompt import PromptLayout
from training.dataset.examples import Example, Examples
from training.dataset.leaks import refuse_leaks
from training.dataset.render import Rendered, Renderer
from training.dataset.search import Search, open_encoder
from training.fit.prefix import PrefixCache
from training.job import Job
from training.measure import probes as forgetting
from training.measure.evaluate import Measured, measure


@dataclass(frozen=True, slots=True)
class CopilotRows:
    """A copilot's training rows, and where its held-out rows lie in `Material.heldout`."""

    copilot: Copilot
    train: list[Rendered]
    heldout: range


class Material:
    """Every row of one job. Raises DataError, BaseError."""

    def __init__(self, job: Job) -> None:
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(job.base, local_files_only=True)
        self.layout = PromptLayout(self.tokenizer)
        config = json.loads(read_regular(job.base / "config.json", bytes_max=CONFIG_BYTES_MAX))
        self._context, self._search = int(config["max_position_embeddings"]), Search(open_encoder(job.encoder))
        self.base, self.corrected, self.heldout = job.base, 0, list[Rendered]()
        self.copilots = list(self._copilots(job))
        self.general_folder = job.general_folder
        plain = self._renderer("")
        count = round(job.recipe.replay_share * len(self.train))
        self.replayed = forgetting.replayed(self.general_folder, plain, count=count)
        self.probes = {
            GENERAL: forgetting.general_rows(self.general_folder, plain),
            **forgetting.rows_of_others(job.others, job.data, self.layout, context=self._context),
        }

    def _copilots(self, job: Job) -> Iterator[CopilotRows]:
        pages = None  # those of the category, read once: rows of one page share its KV and its index
        for copilot in job.copilots:
            examples = Examples(copilot.id, data=job.data, corrections=job.corrections, pages=pages)
            pages = examples.pages
            refuse_leaks(examples)
            self.corrected += examples.corrected
            renderer, start = self._renderer(copilot.instructions), len(self.heldout)
            self.heldout += renderer.rows(evenly(with_pages(examples, "heldout"), most=job.heldout_max))
            yield CopilotRows(copilot, renderer.rows(with_pages(examples, "train")), range(start, len(self.heldout)))

    def _renderer(self, instructions: str) -> Renderer:
        return Renderer(self.layout, instructions=instructions, context=self._context, search=self._search)

    @property
    def train(self) -> list[Rendered]:
        return [row for one in self.copilots for row in one.train]

    @property
    def everything(self) -> list[Rendered]:
        """All rows whose pages will be read."""
        return [*self.train, *self.replayed, *self.heldout, *itertools.chain.from_iterable(self.probes.values())]

    def measure(self, model: PeftModel, prefixes: PrefixCache, *, folder: Path | None) -> Measured:
        """The held-out rows with the model as it is now; `folder` is where the same adapter lies, None for the base."""
        return measure(model, prefixes, self.heldout, self._checks, base=self.base, adapter=folder)

    def measure_base(self, model: PeftModel, prefixes: PrefixCache) -> Measured:
        """The held-out rows answered by the base alone, after the copilots' instructions."""
        return measure(model, prefixes, self.heldout, self._checks, base=self.base, adapter=None, off=True)

    @property
    def _checks(self) -> list[tuple[range, Sequence[CheckSpec]]]:
        return [(one.heldout, one.copilot.checks) for one in self.copilots]

    def losses(self, model: PeftModel, prefixes: PrefixCache) -> forgetting.Losses:
        """On general questions and on some other copilots', with the model as it is now."""
        return forgetting.losses(model, prefixes, self.probes)

    def forgotten(self, before: forgetting.Losses, after: forgetting.Losses) -> dict[str, Any]:
        found = forgetting.compared(before, after, self.probes)
        return found | {"general_sha256": forgetting.digest(self.general_folder)}

    def places(self, job: Job) -> dict[str, range] | None:
        """Where each copilot's rows lie in `heldout`, for a domain adapter."""
        return {one.copilot.id: one.heldout for one in self.copilots} if job.domain else None

    def supervised_text(self, row: Rendered) -> str:
        return str(self.tokenizer.decode(list(row.suffix[row.answer_at :])))


def with_pages(examples: Examples, split: Literal["train", "heldout"]) -> Sequence[tuple[Example, Page]]:
    """The examples of a split, each with its page."""
    return [(example, examples.pages[split][example.page]) for example in examples.rows[split]]


def evenly(rows: Sequence[tuple[Example, Page]], *, most: int) -> Sequence[tuple[Example, Page]]:
    """At most so many of the rows, evenly over all; 0: all."""
    if not most or len(rows) <= most:
        return rows
    return [rows[place * len(rows) // most] for place in range(most)]
