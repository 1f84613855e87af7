"""The budget of KV bytes: it holds for open pages and running rows too, and is shared out fairly."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from server.engine import Finished, PageInfo, PageTokens, Request, Tokens
from server.engine.local.engine import LocalEngine
from server.engine.local.scheduler import Row, RowEvent, Scheduler
from server.errors import Busy, RetinueError, RunError
from server.settings import load_settings

TOKEN_BYTES = 3 * 2 * 2 * 16 * 4  # the tiny base's, in float32
TURN = [1, 300, 301, 2]


def page(client: str, number: int, *, tokens: int = 256) -> PageTokens:
    return PageTokens((1, 600 + number, *range(300, 298 + tokens)), client=client)


async def engine_with(base: Path, *, tokens: int) -> LocalEngine:
    settings = load_settings(threads=1, prefill_chunk_tokens=64, kv_bytes_max=tokens * TOKEN_BYTES)
    engine = LocalEngine(settings, base, dtype=torch.float32)
    await engine.start()
    return engine


async def open_(engine: LocalEngine, one: PageTokens) -> PageInfo:
    return await engine.open_page(one, lambda done, total: None)


async def answer(engine: LocalEngine, one: PageTokens, request_for: Callable[..., Request]) -> tuple[list[int], int]:
    ids: list[int] = []
    async for event in engine.generate(request_for(one, TURN, None)):
        if isinstance(event, Tokens):
            ids += event.ids
        elif isinstance(event, Finished):
            return ids, event.cached_tokens
    raise AssertionError("no end")


async def test_open_pages_stay_within_the_budget_and_are_answered_all_the_same(
    tiny_base: Path, request_for: Callable[..., Request]
) -> None:
    roomy, tight = await engine_with(tiny_base, tokens=100_000), await engine_with(tiny_base, tokens=1_200)
    pages = [page("greedy", number) for number in range(8)]
    most = 0
    for one in pages:
        for engine in (roomy, tight):
            await open_(engine, one)
        most = max(most, tight.stats()["kv_bytes"])

    answers = [[await answer(engine, one, request_for) for one in pages] for engine in (roomy, tight)]

    assert most <= 1_200 * TOKEN_BYTES
    assert [ids for ids, _ in answers[0]] == [ids for ids, _ in answers[1]]
    assert any(cached < 200 for _, cached in answers[1])  # some pages made way, and were read again
    for engine in (roomy, tight):
        await engine.stop()


async def test_the_client_that_holds_most_makes_way_first(tiny_base: Path) -> None:
    engine = await engine_with(tiny_base, tokens=1_400)
    modest = page("modest", 99)
    await open_(engine, modest)
    for number in range(8):
        await open_(engine, page("greedy", number))

    assert (await open_(engine, PageTokens(modest.ids, client="third"))).cached_tokens == len(modest.ids)
    await engine.stop()


@pytest.mark.parametrize(("tokens", "fits"), [(255, True), (256, True), (257, False)])
async def test_a_page_larger_than_the_budget_is_refused_with_a_sentence(
    tiny_base: Path, tokens: int, fits: bool
) -> None:
    engine = await engine_with(tiny_base, tokens=256)
    if fits:
        await open_(engine, page("a", 0, tokens=tokens))
    else:
        with pytest.raises(RunError, match="RETINUE_KV_BYTES_MAX") as refusal:
            await open_(engine, page("a", 0, tokens=tokens))
        assert refusal.value.code == "run_memory"
    await engine.stop()


async def test_pages_opened_at_once_wait_for_each_others_memory(tiny_base: Path) -> None:
    engine = await engine_with(tiny_base, tokens=700)

    read = await asyncio.gather(*(open_(engine, page(f"c{number}", number)) for number in range(6)))

    assert [one.tokens for one in read] == [256] * 6
    assert engine.stats()["kv_bytes"] <= 700 * TOKEN_BYTES
    await engine.stop()


async def test_closing_a_page_that_made_way_takes_nobody_elses(tiny_base: Path) -> None:
    engine = await engine_with(tiny_base, tokens=1_000)
    mine = page("a", 0)
    await open_(engine, mine)
    for number in range(1, 5):
        await open_(engine, page("a", number))
    other = PageTokens(mine.ids, client="b")
    await open_(engine, other)

    await engine.close_page(mine)

    assert (await open_(engine, other)).cached_tokens == len(other.ids)
    await engine.stop()


def rows_of(client: str, count: int, *, tokens: int = 1_000) -> list[Row]:
    return [Row(ids=[0] * tokens, activation=0, emit=lambda event: None, client=client) for _ in range(count)]


def scheduler(*, rows_max: int = 32, waiting_max: int = 8) -> Scheduler:
    return Scheduler(rows_max=rows_max, waiting_max=waiting_max, chunk_tokens=512, admit=lambda row: None,
                     release=lambda row: None)  # fmt: skip


def test_a_step_is_shared_between_clients_before_it_is_between_their_pages() -> None:
    planner = scheduler()
    [question], pages = rows_of("modest", 1), rows_of("greedy", 8)
    for row in [*pages, question]:
        planner.submit(row)

    work = {id(item.row): item.count for item in planner.plan()}

    assert work[id(question)] == 256
    assert sum(work.values()) <= 512
    assert min(work.values()) >= 1


def test_the_next_row_is_of_the_client_with_the_fewest() -> None:
    planner = scheduler(rows_max=3)
    [question] = rows_of("modest", 1)
    for row in [*rows_of("greedy", 4), question]:
        planner.submit(row)

    planner.plan()

    assert question in planner.running


def test_a_full_queue_turns_away_the_client_that_filled_it() -> None:
    planner = scheduler(waiting_max=4)
    ended: list[RowEvent] = []
    greedy = [Row(ids=[0], activation=0, emit=ended.append, client="greedy") for _ in range(4)]
    [question] = rows_of("modest", 1)
    for row in [*greedy, question]:
        planner.submit(row)

    assert question in planner.waiting
    assert [type(event) for event in ended] == [Busy]
    assert all(isinstance(event, RetinueError) and event.retry_after_ms for event in ended)
