"""The model card of an embedded base, rendered from its figures: what it is, what it saw, what it cannot do."""

import itertools
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.base.presets import Preset
from training.figure import draw_loss_curve


def write_card(
    folder: Path, *, preset_name: str, preset: Preset, figures: dict[str, float], log: list[dict[str, float]],
    tokens: int, hours: float, minutes: float | None, parameters: int,
) -> None:  # fmt: skip
    """README.md, training.json and loss.png in the base's folder."""
    facts: dict[str, Any] = {
        "preset": preset_name, "minutes": minutes, "recipe": asdict(preset), "parameters": parameters,
        "tokens": tokens, "hours": round(hours, 2),
        "held_out": {name: round(value, 4) for name, value in figures.items()}, "log": log,
    }  # fmt: skip
    (folder / "training.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    draw_loss_curve(log, folder / "loss.png", phases=phases(log, preset))
    (folder / "README.md").write_text(card(folder.name, facts), encoding="utf-8")


def phases(log: list[dict[str, float]], preset: Preset) -> list[tuple[str, float]]:
    """Name of each phase of the run and the tokens at which it began, as `Pretraining.run` divides it."""
    whole = log[-1]["tokens"] if log else 0.0
    starts = itertools.accumulate((stage.share for stage in preset.stages), initial=0.0)
    return [(stage.name, share * whole) for stage, share in zip(preset.stages, starts, strict=False)]


def card(name: str, facts: dict[str, Any]) -> str:
    held_out, recipe = facts["held_out"], facts["recipe"]
    rows = "\n".join(f"| {label} | {held_out[key]:{form}} |" for key, label, form in _FIGURES if key in held_out)
    return _CARD.format(
        name=name, rows=rows, tokens=facts["tokens"] / 1e6, hours=facts["hours"],
        limit=f" --minutes {facts['minutes']:g}" if facts["minutes"] else "",
        parameters=facts["parameters"] / 1e6, preset=facts["preset"], **recipe_line(recipe),
    )  # fmt: skip


def recipe_line(recipe: dict[str, Any]) -> dict[str, Any]:
    shape = {key: recipe[key] for key in ("layers", "hidden", "vocabulary", "context")}
    return shape | {"page_chars": recipe["stages"][-1]["chars"][1]}


_FIGURES = (
    ("bits_per_byte", "bits per byte, page text", ".3f"),
    ("answer_nats_per_token", "loss on answers, nats per token", ".3f"),
    ("quotes_verbatim", "quotations that stand on the page (decoding unconstrained)", ".1%"),
    ("right_block", "answers that name the right block first", ".1%"),
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

Pages of sources that training never read; greedy decoding, no constraint.

| figure | value |
| --- | --- |
{rows}

![training loss](loss.png)

## How it was made

    python -m training base --preset {preset} --corpus DIR --out adapters/base/{name}{limit}

{tokens:.1f} M training tokens in {hours:.1f} hours on two processor cores. Every row is a numbered page with questions
on it, rendered by `server.prompt` as served; each question sees the page and itself only, so that a page is read once
for all of them. The text of pages counts most at first; then come words or questions and their places, whole answers
on short pages, and long pages. Heads that are dropped afterwards (`training/base/places.py`) ask every page token where
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
