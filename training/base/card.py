"""The model card of an embedded base, rendered from its figures: what it is, what it saw, what it cannot do."""

import itertools
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from server.errors import BaseError
from training.base.presets import Preset
from training.base.presets import preset as usual
from training.figure import draw_loss_curve

_KEPT = ("preset", "minutes", "budget", "seed", "tokens", "hours", "note")  # of a run, in the record of the next one


def facts(
    *, preset_name: str, preset: Preset, log: list[dict[str, float]], tokens: int, hours: float,
    minutes: float | None, seed: int, machine: str, parameters: int, start: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What `training.json` says of a run before it is measured; `start` is the base that the run went on from."""
    budget = preset.tokens if preset.tokens != usual(preset_name).tokens else None
    return {
        "preset": preset_name, "minutes": minutes, "budget": budget, "seed": seed, "machine": machine,
        "recipe": asdict(preset), "parameters": parameters, "tokens": tokens, "hours": round(hours, 2),
        "earlier": earlier_runs(start) if start else [], "held_out": {}, "log": log,
    }  # fmt: skip


def read_facts(folder: Path) -> dict[str, Any]:
    """Of the base in `folder`. Raises BaseError when it has none."""
    try:
        read: dict[str, Any] = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BaseError(f"{folder} has no training.json: {error}", code="base_unreadable") from error
    return read


def write_card(folder: Path, facts: dict[str, Any]) -> None:
    """README.md, training.json and loss.png in the base's folder."""
    (folder / "training.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    draw_loss_curve(facts["log"], folder / "loss.png", phases=phases(facts["log"], facts["recipe"]["stages"]))
    (folder / "README.md").write_text(card(folder.name, facts), encoding="utf-8")


def earlier_runs(start: Path) -> list[dict[str, Any]]:
    """The runs that made `start`, from its training.json, first one first."""
    file = start / "training.json"
    facts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept = {name: facts[name] for name in _KEPT if name in facts}
    return [*facts.get("earlier", []), kept]


def phases(log: list[dict[str, float]], stages: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """Name of each phase of the run and the tokens at which it began, as `Pretraining.run` divides it."""
    whole = log[-1]["tokens"] if log else 0.0
    starts = itertools.accumulate((stage["share"] for stage in stages), initial=0.0)
    return [(stage["name"], share * whole) for stage, share in zip(stages, starts, strict=False)]


def card(name: str, facts: dict[str, Any]) -> str:
    held_out, recipe = facts["held_out"], facts["recipe"]
    rows = "\n".join(f"| {label} | {held_out[key]:{form}} |" for key, label, form in _FIGURES if key in held_out)
    runs = [*facts["earlier"], facts]
    commands = "\n".join(f"    {_command(name, run, first=run is runs[0])}" for run in runs if "note" not in run)
    return _CARD.format(
        name=name, rows=rows, tokens=facts["tokens"] / 1e6, time=_time(facts["hours"]), machine=facts["machine"],
        made="\n\n".join(part for part in (commands, _history(facts["earlier"]), facts.get("note", "")) if part),
        parameters=facts["parameters"] / 1e6, **recipe_line(recipe),
    )  # fmt: skip


def _command(name: str, run: dict[str, Any], *, first: bool) -> str:
    """What made this run; a run that no command makes has a note instead."""
    folder = f"adapters/base/{name}"
    start = "" if first else f" --start {folder}"
    limit = f" --minutes {run['minutes']:g}" if run.get("minutes") else ""
    limit += f" --tokens {run['budget'] / 1e6:g}" if run.get("budget") else ""
    limit += f" --seed {run['seed']}" if "seed" in run else ""
    return f"python -m training base --preset {run.get('preset', '?')} --corpus DIR{start} --out {folder}{limit}"


def _history(earlier: list[dict[str, Any]]) -> str:
    """What the runs before the last one saw, in sentences."""
    if not earlier:
        return ""
    tokens, hours = (sum(run.get(name, 0) for run in earlier) for name in ("tokens", "hours"))
    notes = " ".join(run["note"] for run in earlier if "note" in run)
    seen = f"The last command went on from weights that had seen {tokens / 1e6:.1f} M tokens in {_time(hours)}."
    return f"{seen} {notes}".rstrip()


def _time(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"


def recipe_line(recipe: dict[str, Any]) -> dict[str, Any]:
    shape = {key: recipe[key] for key in ("layers", "hidden", "vocabulary", "context")}
    shortest, longest = recipe["stages"][-1]["chars"]
    return shape | {"page_chars_min": shortest, "page_chars": longest}


_FIGURES = (
    ("bits_per_byte", "bits per byte, page text", ".3f"),
    ("answer_nats_per_token", "loss on answers, nats per token", ".3f"),
    ("quotes_verbatim", "quotations that stand in the block that they cite (decoding unconstrained)", ".1%"),
    ("right_block", "answers that quote from the right block first, or name it", ".1%"),
    ("right_block_own", "… to the corpus's own questions, in people's words", ".1%"),
    ("right_block_many", "… on pages of 25 blocks and more", ".1%"),
    ("right_block_late", "… of these, where the answer stands in the last third of the page", ".1%"),
    ("f1", "page questions, word F1", ".1%"),
    ("exact_match", "page questions, exact match", ".1%"),
    ("abstention_f1", "abstention F1", ".1%"),
    ("questions", "questions asked", ".0f"),
    ("summary_rouge_l", "page summaries, ROUGE-L", ".1%"),
    ("lead3_rouge_l", "the page's first three sentences as its summary, ROUGE-L", ".1%"),
    ("summaries", "summaries asked for", ".0f"),
)
_CARD = """# {name}

The base model that ships with Retinue: a Qwen3-architecture decoder of {parameters:.1f} M parameters ({layers} layers,
hidden size {hidden}, {vocabulary:,} tokens, {context:,} positions, pages of up to
{page_chars:,} characters in training), made by this project from openly licensed text.
It lets everything run offline from the first minute.

## Held-out figures

Pages of sources that training never read, {page_chars_min:,} to {page_chars:,} characters, all of these sources alike,
a third of them cut into clauses of one sentence each; greedy decoding, no constraint.

| figure | value |
| --- | --- |
{rows}

![training loss](loss.png)

## How it was made

{made}

{tokens:.1f} M training tokens in {time} on {machine}. Every row is a numbered page with questions
on it, rendered by `server.prompt` as served; each question sees the page and itself only, so that a page is read once
for all of them. From random weights the text of pages counts most at first; then come words or questions and their
places, whole answers on short pages, and long pages. A run that goes on from a base has the last two only. Part of the
made questions are in other words than the page's: near words, by the company that words keep in the corpus
(`training/base/thesaurus.py`). Heads that are dropped afterwards (`training/base/places.py`) ask every page token where
its sentence began. Weight matrices by Muon, the rest by AdamW; warm-up, stable, decay. The copying circuit (a
previous-token head and induction heads) was written into the initial weights (`training/base/wiring.py`); training
refined it. `training.json` holds the recipe and, at every twentieth step, the loss: that of the answers and parts of
the page's and of the heads'.

## What it cannot do

It is a very small model that has seen very little text. It finds and quotes passages; it does not reason, it knows
next to nothing of the world, its own sentences can be wrong or odd, and it reads English only. In Retinue its
quotations are held to the page's words while they are written, and checked again afterwards. For answers of
substance use a larger base model.

## Data

Trained on text under open licences, among them: OpenStax textbooks (Rice University, CC BY 4.0), U.S. Government works
(digital.gov, 18F, CFPB, VA, NIST; public domain), the Code of the District of Columbia, CUAD (The Atticus Project,
CC BY 4.0), MedQuAD (CC BY 4.0), Microsoft documentation (CC BY 4.0 / MIT), MDN Web Docs (Mozilla contributors,
CC BY-SA 2.5), OWASP Cheat Sheets, Privacy Guides, InnerSource Patterns, The Open Organization and Automattic's
legal documents (CC BY-SA 4.0), SQuAD 2.0 and AdversarialQA (CC BY-SA 4.0), Quoref, ROPES, MTS-Dialog, ACI-Bench,
BANKING77, WikiTableQuestions (CC BY-SA 4.0), PubMedQA, QMSum, SciTLDR, schema-guided dialogues (CC BY-SA 4.0), The
World Factbook, Standard Ebooks editions of public-domain books. Weights: Apache-2.0.
"""
