"""Prompt lookup alone, and what it does to answers: nothing but speed."""

import asyncio
from pathlib import Path

import pytest
import torch

from server.engine import AdapterRef, PageTokens, Request, Tokens
from server.engine.local.engine import LocalEngine
from server.engine.local.lookup import REST_MAX, Lookup, Repeats
from server.settings import load_settings
from tests import tiny

from .conftest import USER_HEADER


def test_what_followed_the_last_tokens_on_the_page_is_drafted() -> None:
    lookup = Lookup(Repeats([1, 2, 3, 4, 5, 6, 7, 9]), [2, 3])

    assert lookup.draft(room=3) == (4, 5, 6)


def test_what_followed_in_the_thread_is_drafted_and_never_the_end_itself() -> None:
    lookup = Lookup(Repeats([1]), [2, 3, 4, 5, 2, 3])

    assert lookup.draft(room=2) == (4, 5)
    lookup.extend([4, 6])
    assert lookup.draft(room=2) == ()


def test_the_place_that_agrees_longest_wins_over_a_later_one() -> None:
    lookup = Lookup(Repeats([7, 1, 2, 50, 8, 1, 2, 60]), [9, 1, 2, 70, 7, 1, 2])

    assert lookup.draft(room=1) == (50,)


def test_of_equal_places_the_latest_wins() -> None:
    lookup = Lookup(Repeats([1, 2, 50, 8, 1, 2, 60]), [1, 2])

    assert lookup.draft(room=1) == (60,)


def test_answers_on_one_page_do_not_see_each_other() -> None:
    page = Repeats([1, 2, 3])
    Lookup(page, [4, 5]).extend([6, 7])

    assert Lookup(page, [4, 5]).draft(room=8) == ()


def test_nothing_is_drafted_where_nothing_agrees_or_nothing_fits() -> None:
    assert Lookup(Repeats([1, 2]), [3, 4]).draft(room=8) == ()
    assert Lookup(Repeats([1, 2, 3]), [2]).draft(room=8) == ()
    assert Lookup(Repeats([1, 2, 3]), [1, 2]).draft(room=0) == ()


def test_drafts_grow_with_hits_and_pause_after_misses() -> None:
    lookup = Lookup(Repeats(range(40)), [0, 1])
    sizes = []
    for _ in range(3):
        draft = lookup.draft(room=99)
        sizes.append(len(draft))
        lookup.learn(drafted=len(draft), accepted=len(draft))
    assert sizes == [4, 8, 16]

    pauses = 0
    for _ in range(6):
        lookup.learn(drafted=1, accepted=0)
    while not lookup.draft(room=99):
        pauses += 1
    assert pauses == REST_MAX


@pytest.mark.parametrize(("spread", "accepted_min"), [(0.1, 10), (0.2, 1)])
def test_answers_are_the_same_with_drafts_and_some_drafts_are_right(
    spread: float, accepted_min: int, tmp_path: Path
) -> None:
    """One random model repeats what it wrote, the other seldom does."""
    base = tiny.make_base(tmp_path / "tiny", family="qwen3", spread=spread)
    generator = torch.Generator().manual_seed(4)
    sentence = torch.randint(300, tiny.VOCABULARY, (24,), generator=generator).tolist()
    page = PageTokens((1, *sentence, *sentence, *sentence))
    turn = [*USER_HEADER, *sentence[:6]]

    plain, _ = answer(page, turn, None, prompt_lookup=False, base=base)
    drafted, stats = answer(page, turn, None, prompt_lookup=True, base=base)

    assert drafted == plain
    assert stats["tokens_accepted"] >= accepted_min


def answer(
    page: PageTokens, turn: list[int], adapter: AdapterRef | None, *, prompt_lookup: bool, base: Path
) -> tuple[list[int], dict[str, int]]:
    async def ask() -> tuple[list[int], dict[str, int]]:
        engine = LocalEngine(load_settings(threads=1, prompt_lookup=prompt_lookup), base, dtype=torch.float32)
        await engine.start()
        request = Request(
            page=page, history=(), turn=turn, adapter=adapter, stop_ids=frozenset(), tokens_max=40, timeout_s=60,
            constrain_quotes=False,
        )  # fmt: skip
        ids = [token async for event in engine.generate(request) if isinstance(event, Tokens) for token in event.ids]
        stats = engine.stats()
        await engine.stop()
        return ids, stats

    return asyncio.run(ask())
