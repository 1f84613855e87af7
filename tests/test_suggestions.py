"""Suggestions for pages that nobody trained on: the right category and the right copilot, with the encoder that ships.

`suggested_pages.jsonl` was written without a look at the copilots' hints; `copilots` fit the page, the best first.
"""

import json
from functools import cache
from pathlib import Path

from server.catalog.copilots import Copilots
from server.catalog.suggest import PageFacts, Suggester
from server.compose import make_encoder
from server.settings import load_settings
from tests.real_base import REAL_BASES

LABELLED = [json.loads(line) for line in (Path(__file__).parent / "suggested_pages.jsonl").read_text().splitlines()]
FIRST = 3
RANKED = 12
CATEGORY_SHARE_MIN, COPILOT_SHARE_MIN = 0.90, 0.70


@cache
def ranked() -> list[list[str]]:
    """Ids of the copilots that fit each labelled page, the best first."""
    settings = load_settings(bases_dir=REAL_BASES)
    copilots = Copilots(adapters_dir=settings.adapters_dir, user_dir=settings.user_dir / "none").all()
    suggester = Suggester(make_encoder(settings))
    found = (
        PageFacts(
            title=page["title"], address=page["url"], headings=tuple(page["headings"]), types=tuple(page["types"]),
            text=page["text"],
        )
        for page in LABELLED
    )  # fmt: skip
    return [[one.copilot for one in suggester.rank(facts, copilots, most=RANKED)] for facts in found]


def test_the_right_category_is_among_the_first_three() -> None:
    right = 0
    for page, found in zip(LABELLED, ranked(), strict=True):
        categories = list(dict.fromkeys(copilot.partition("/")[0] for copilot in found))[:FIRST]
        right += page["copilots"][0].partition("/")[0] in categories

    assert len(LABELLED) >= 160
    assert right >= CATEGORY_SHARE_MIN * len(LABELLED), right / len(LABELLED)


def test_a_right_copilot_is_among_the_first_three() -> None:
    right = sum(
        bool(set(page["copilots"]) & set(found[:FIRST])) for page, found in zip(LABELLED, ranked(), strict=True)
    )

    assert right >= COPILOT_SHARE_MIN * len(LABELLED), right / len(LABELLED)
