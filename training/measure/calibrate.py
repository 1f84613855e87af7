"""From which probability an adapter's answer may begin with "The page", as every abstention does: calibrated on
held-out questions, kept in lock.json, obeyed by the engine. Called by make, general and calibrate.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel

from server.conversation.evidence import OPENING_TOKENS
from server.text.checks import ABSTAIN
from server.text.finder import asks_for_much
from server.text.prompt import PromptLayout
from training.dataset.render import Rendered
from training.fit.prefix import PrefixCache, answer_nll, collate

# of the questions that the page answers; the closest passage is shown all the same. Without instructions the bar is
# higher: from page to page the general adapter is then very differently sure.
FALSE_SHARE_MAX, FALSE_SHARE_MAX_PLAIN = 0.03, 0.01
ABSTAINING_MIN = 8  # held-out questions without an answer; fewer calibrate nothing
LEAST_MIN = 0.05
BATCH = 8


def calibrated(
    model: PeftModel, prefixes: PrefixCache, rows: Sequence[Rendered], layout: PromptLayout
) -> dict[str, float | None]:
    """The fields of lock.json: `abstain_least` of the rows after a copilot's instructions, `abstain_least_plain` of the
    others; None where too few have no answer on their page. Requests for a summary or a list are left out: they are
    always answered.
    """
    asked = [row for row in rows if not asks_for_much(row.example.question)]
    found = opening_probabilities(model, prefixes, asked, layout)
    wanted = np.array([row.example.kind == "abstain" for row in asked], dtype=bool)
    instructed = np.array([row.instructed for row in asked], dtype=bool)
    return {
        name: threshold(found[chosen], wanted[chosen], most) if wanted[chosen].sum() >= ABSTAINING_MIN else None
        for name, chosen, most in (
            ("abstain_least", instructed, FALSE_SHARE_MAX),
            ("abstain_least_plain", ~instructed, FALSE_SHARE_MAX_PLAIN),
        )
    }


def opening_probabilities(
    model: PeftModel, prefixes: PrefixCache, rows: Sequence[Rendered], layout: PromptLayout
) -> NDArray[np.float64]:
    """The probability that each row's answer begins as an abstention does, [rows]."""
    opening = tuple(layout.text(ABSTAIN)[:OPENING_TOKENS])
    begun = [replace(row, suffix=(*row.suffix[: row.answer_at], *opening)) for row in rows]
    found = np.zeros(len(rows))
    model.eval()
    with torch.no_grad():
        for start in range(0, len(begun), BATCH):
            batch = collate(begun[start : start + BATCH], prefixes)
            np.add.at(found, batch.row_of.cpu().numpy() + start, -answer_nll(model, batch).cpu().double().numpy())
    return np.exp(found)


def threshold(probabilities: NDArray[np.float64], wanted: NDArray[np.bool_], most: float = FALSE_SHARE_MAX) -> float:
    """The lowest threshold that abstains from at most a share of what the page answers.

    probabilities, wanted: [rows]; `wanted` where the page has no answer.
    """
    answered = np.sort(probabilities[~wanted])[::-1]
    allowed = int(most * len(answered))  # so many of them may lie above
    highest = float(answered[allowed]) if allowed < len(answered) else 0.0
    above = probabilities[probabilities > highest]
    between = (highest + float(above.min())) / 2 if len(above) else 1.0  # in the middle of the gap
    return round(max(LEAST_MIN, between), 3)
