"""What an adapter loses outside its subject: loss on general page questions and on some other copilots' questions.

Called by make. Loss only, no answers are written, which would take many times as long: each row is read once with the
adapter off and once with it on. That the base itself is unchanged is looked at too, on the files that were written.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from server.catalog.copilots import Copilot
from server.catalog.layout import GENERAL
from server.files import TEXT_BYTES_MAX, read_regular
from server.text.prompt import PromptLayout
from training.dataset.examples import Examples, read_pages, read_rows
from training.dataset.render import Rendered, Renderer
from training.fit.adapter import load_adapter
from training.fit.loop import held_out_nll
from training.fit.prefix import PrefixCache
from training.measure.evaluate import interval

GENERAL_ROWS_MAX = 60
OTHERS_MAX = 3  # of the other copilots: a job never reads all of them
OTHER_ROWS_MAX = 24  # of each
PREFIXES_COMPARED = 8


def general_rows(folder: Path, renderer: Renderer) -> list[Rendered]:
    """A fixed sample of plain questions without instructions, as the generalist gets them. Raises DataError."""
    pages = read_pages(folder / "pages" / "heldout")
    found = read_rows(folder / "heldout.jsonl", pages, where=f"{GENERAL}/heldout.jsonl", folder="pages/heldout")
    examples = sorted(found, key=lambda example: hashlib.sha256(example.question.encode()).digest())
    return renderer.rows([(example, pages[example.page]) for example in examples[:GENERAL_ROWS_MAX]])


def replayed(folder: Path, renderer: Renderer, *, count: int) -> list[Rendered]:
    """A fixed sample of the general adapter's own training examples, which keep it from being forgotten. Empty where
    the folder has none. Raises DataError.
    """
    if not count or not (folder / "train.jsonl").is_file():
        return []
    pages = read_pages(folder / "pages" / "train")
    found = read_rows(folder / "train.jsonl", pages, where=f"{GENERAL}/train.jsonl", folder="pages/train")
    examples = sorted(found, key=lambda example: hashlib.sha256(example.question.encode()).digest())
    return renderer.rows([(example, pages[example.page]) for example in examples[:count]])


def some_others(copilots: Iterable[str], own: str) -> list[str]:
    """Ids of at most OTHERS_MAX copilots other than `own`: for one copilot the same ones each time, for each copilot
    others, and hardly changed by a new one.
    """
    others = [copilot for copilot in copilots if copilot != own]
    return sorted(others, key=lambda other: hashlib.sha256(f"{own} {other}".encode()).digest())[:OTHERS_MAX]


def rows_of_others(
    copilots: Sequence[Copilot], data: Path, layout: PromptLayout, *, context: int
) -> dict[str, list[Rendered]]:
    """Some held-out rows of each other copilot with its instructions, evenly over its file. Raises DataError."""
    found: dict[str, list[Rendered]] = {}
    for copilot in copilots:
        examples = Examples(copilot.id, data=data)
        step = max(1, -(-len(examples.rows["heldout"]) // OTHER_ROWS_MAX))
        chosen = [(row, examples.pages["heldout"][row.page]) for row in examples.rows["heldout"][::step]]
        found[copilot.id] = Renderer(layout, instructions=copilot.instructions, context=context).rows(chosen)
    return found


Losses = dict[str, NDArray[np.float64]]  # by the name of a set of rows: NLL and answer tokens, [rows, 2]


def losses(model: PeftModel, prefixes: PrefixCache, sets: Mapping[str, Sequence[Rendered]]) -> Losses:
    """Of the model as it is now: taken before and after training, so that it is compared with what it started from."""
    return {name: held_out_nll(model, prefixes, rows) for name, rows in sets.items()}


def compared(before: Losses, after: Losses, sets: Mapping[str, Sequence[Rendered]]) -> dict[str, Any]:
    """Loss per answer token before and after, of the general rows and of each other copilot's."""
    found = {name: _compared(before[name], after[name], rows) for name, rows in sets.items()}
    return {"general": found.pop(GENERAL), "others": found}


def _compared(off: NDArray[np.float64], on: NDArray[np.float64], rows: Sequence[Rendered]) -> dict[str, Any]:
    before, after = (float(found[:, 0].sum() / found[:, 1].sum()) for found in (off, on))
    pages = [row.example.page for row in rows]
    return {
        "examples": len(rows), "pages": len(set(pages)), "before": round(before, 4), "after": round(after, 4),
        "rise_share": round(after / before - 1, 4), "ci95": list(interval(off, on, pages)),
    }  # fmt: skip


def digest(folder: Path) -> str:
    """sha256 of the general set, so that a report says on what it was measured."""
    found = hashlib.sha256()
    for file in sorted([folder / "heldout.jsonl", *(folder / "pages" / "heldout").glob("*.md")]):
        found.update(file.name.encode() + b"\0" + read_regular(file, bytes_max=TEXT_BYTES_MAX))
    return found.hexdigest()


def unchanged(
    base: PreTrainedModel, folder: Path, rows: Sequence[Rendered], *, expected: NDArray[np.float64]
) -> dict[str, float]:
    """Loads the written adapter with plain PEFT on a fresh base.

    `base_logit_diff_max`: change of the base's logits on page prefixes when the adapter is loaded but not
    invoked. `reload_diff_max`: change of the held-out NLL, [rows, 2], against `expected`, measured in training.
    """
    prefixes = list(dict.fromkeys(row.prefix for row in rows))[:PREFIXES_COMPARED]
    tokens = [torch.tensor([ids], device=base.device) for ids in prefixes]
    with torch.no_grad():
        alone = [base(input_ids=ids).logits for ids in tokens]
        model = load_adapter(base, folder)
        loaded = [_uninvoked(model, ids) for ids in tokens]
    difference = max(float((a - b).abs().max()) for a, b in zip(alone, loaded, strict=True))
    again = held_out_nll(model, PrefixCache(model), rows)
    return {"base_logit_diff_max": difference, "reload_diff_max": float(np.abs(again - expected).max())}


def _uninvoked(model: PeftModel, ids: Tensor) -> Tensor:
    """Logits [1, tokens, vocabulary] of the base under an adapter that is loaded: not invoked, or a plain one off."""
    if getattr(model.peft_config["default"], "alora_invocation_tokens", None):
        logits: Tensor = model(input_ids=ids, alora_offsets=[None]).logits
        return logits
    with model.disable_adapter():
        switched_off: Tensor = model(input_ids=ids).logits
    return switched_off
