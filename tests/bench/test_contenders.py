"""PEFT's three uses and our engine, on the tiny base: the same tokens, and times that make sense."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from bench import measures
from bench.cases import Cases, QuestionCase
from bench.figures import Results
from bench.measures import Sizes
from bench.peers.peft_peer import Peft, PeftKept, PeftMixed, load
from bench.scenes import exact
from server.settings import Settings

SIZES = Sizes(page=150, short_page=120, answer=3, panel_answer=3)


@pytest.fixture
def peers(base: Path, cases: Cases, folders: Sequence[Path]) -> list[Peft]:
    model = load(base, folders, dtype=torch.float32)
    return [kind(model, cases, folders) for kind in (Peft, PeftMixed, PeftKept)]


async def test_every_use_of_peft_and_our_engine_write_the_same_tokens(
    peers: list[Peft], base: Path, cases: Cases, folders: Sequence[Path], settings: Settings
) -> None:
    results = Results({}, {})
    async with exact.engine(base, cases, folders, settings, device="cpu") as ours:
        await exact.compare(results, peers[0], [ours, *peers[1:]], cases, model="tiny", page=150, tokens=4)

    assert [figure.median for figure in results.figures] == [8.0] * 6


async def test_a_round_of_a_measure_gives_every_value(peers: list[Peft], cases: Cases) -> None:
    results = Results({}, {})
    for measure in (measures.CONVERSATION, measures.DECODE, measures.PANEL):
        await measures.compare(results, measure, peers, cases, SIZES, model="tiny", rounds=1, warm_up=False)

    assert len(results.figures) == 3 * (4 + 3 + 3)
    assert all(figure.median > 0 for figure in results.figures)


async def test_an_answer_has_the_length_that_was_asked_for(peers: list[Peft], cases: Cases) -> None:
    stamp = await peers[0].answer(QuestionCase(page=cases.page(120), copilot=3, question="Why?", tokens=5))

    assert (stamp.tokens, len(stamp.ids)) == (5, 5)
    assert stamp.sent_s < stamp.first_s < stamp.ended_s
