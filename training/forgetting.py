"""What an adapter loses outside its subject: loss on general page questions and on other copilots' questions.

Called by make. Loss only, no answers are written, so that it takes seconds: each row is read once with the adapter
off and once with it on. That the base itself is unchanged is looked at too, on the files that were written.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel
from transformers import PreTrainedModel

from server.copilots import Copilot
from server.grounding import quotations
from server.page import Page
from server.prompt import PromptLayout
from training.adapter import load_adapter
from training.evaluate import interval
from training.examples import ABSTAIN, DATA, Example, Examples, read_pages, read_rows
from training.fit import held_out_nll
from training.prefix import PrefixCache
from training.render import Rendered, Renderer

GENERAL = "general"
OTHERS_ROWS_MAX = 160  # over all other copilots, so that measuring stays short however many there are
PREFIXES_COMPARED = 8


def general_folder(data: Path) -> Path:
    """heldout/<slug>.md and heldout.jsonl beside the copilots' examples; the set that ships when there is none."""
    return data / GENERAL if (data / GENERAL).is_dir() else DATA / GENERAL


def general_rows(folder: Path, layout: PromptLayout, *, context: int) -> list[Rendered]:
    """Plain questions without norms, as the generalist gets them. Raises DataError."""
    pages = read_pages(folder / "heldout")
    found = read_rows(folder / "heldout.jsonl", pages, where=f"{GENERAL}/heldout.jsonl", folder=f"{GENERAL}/heldout")
    return Renderer(layout, norms="", context=context).rows([(example, pages[example.page]) for example in found])


def replay_rows(examples: Sequence[tuple[Example, Page]], layout: PromptLayout, *, context: int) -> list[Rendered]:
    """Training questions without norms, answered as the base answers (the first quotation alone, or abstaining) and
    as the copilot does.

    On these the adapter is held to the base while it trains, on the second kind so that its own manner needs its own
    norms. What does not fit, or quotes nothing, is left out.
    """
    renderer, rows = Renderer(layout, norms="", context=context), []
    for example, page in examples:
        quotes = quotations(example.answer, page)
        quoted = [f'"{quote.text}" [{quote.block}]' for quote in quotes if quote.block is not None]
        answer = ABSTAIN if example.kind == "abstain" else "".join(quoted[:1])
        for text in dict.fromkeys((answer, example.answer)) if answer else ():
            row = renderer.row(example.model_copy(update={"answer": text}), page)
            rows += [row] if row is not None else []
    return rows


def rows_of_others(
    copilots: Sequence[Copilot], data: Path, layout: PromptLayout, *, context: int
) -> dict[str, list[Rendered]]:
    """Some held-out rows of each other copilot with that copilot's norms, evenly over its file. Raises DataError."""
    found: dict[str, list[Rendered]] = {}
    for copilot in copilots:
        examples = Examples(copilot.id, data=data)
        step = max(1, -(-len(examples.rows["heldout"]) * len(copilots) // OTHERS_ROWS_MAX))
        chosen = [(row, examples.pages["heldout"][row.page]) for row in examples.rows["heldout"][::step]]
        found[copilot.id] = Renderer(layout, norms=copilot.norms, context=context).rows(chosen)
    return found


def losses(
    model: PeftModel, prefixes: PrefixCache, general: Sequence[Rendered], others: Mapping[str, Sequence[Rendered]]
) -> dict[str, Any]:
    """Loss per answer token, adapter off and on, of the general rows and of each other copilot's."""
    return {
        "general": _compared(model, prefixes, general),
        "others": {name: _compared(model, prefixes, rows) for name, rows in others.items()},
    }


def _compared(model: PeftModel, prefixes: PrefixCache, rows: Sequence[Rendered]) -> dict[str, Any]:
    off, on = (held_out_nll(model, prefixes, rows, off=off) for off in (True, False))
    before, after = (float(found[:, 0].sum() / found[:, 1].sum()) for found in (off, on))
    pages = [row.example.page for row in rows]
    return {
        "examples": len(rows), "pages": len(set(pages)), "before": round(before, 4), "after": round(after, 4),
        "rise_share": round(after / before - 1, 4), "ci95": list(interval(off, on, pages)),
    }  # fmt: skip


def digest(folder: Path) -> str:
    """sha256 of the general set, so that a report says on what it was measured."""
    found = hashlib.sha256()
    for file in sorted([folder / "heldout.jsonl", *(folder / "heldout").glob("*.md")]):
        found.update(file.name.encode() + b"\0" + file.read_bytes())
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
        loaded = [model(input_ids=ids, alora_offsets=[None]).logits for ids in tokens]
    difference = max(float((a - b).abs().max()) for a, b in zip(alone, loaded, strict=True))
    again = held_out_nll(model, PrefixCache(model), rows)
    return {"base_logit_diff_max": difference, "reload_diff_max": float(np.abs(again - expected).max())}
