"""Ten thousand random steps of opening, asking, cancelling, closing and reloading: nothing leaks, nothing hangs.

The model's forward is replaced by one that writes the token ids into the KV and picks from a fixed rule, so that
the steps are many and a row that reads KV of another is seen at once.
"""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from server.engine import AdapterRef, Finished, PageTokens, Request, Tokens
from server.engine.local.base.adapter import AdapterWeights
from server.engine.local.engine import LocalEngine
from server.engine.local.kvcache import Segment
from server.engine.local.scheduler import Row, Work
from server.errors import CopilotError, RetinueError
from server.settings import load_settings

from .conftest import Driver

STEPS = 10_000
VOCABULARY = 64
STOP = 3
TURNS = [random.Random(n).choices(range(4, 54), k=4 + 5 * n) for n in range(5)]


class Follower:
    """Stands in for the forward: KV of a token is the token (negative under an adapter), checked at every step."""

    def __init__(self, chaos: random.Random) -> None:
        self._chaos = chaos
        self.mixed_up: list[str] = []

    def step(self, work: list[Work]) -> list[torch.Tensor]:
        if self._chaos.random() < 0.002:
            raise MemoryError
        return [self._row(item.row, item) for item in work]

    @torch.inference_mode()
    def _row(self, row: Row, item: Work) -> torch.Tensor:
        assert row.tail is not None
        new = row.ids[row.done : row.done + item.count] + list(item.draft)
        row.tail.reserve(len(new))
        for place, token in enumerate(new):
            at = row.tail.length + place
            row.tail.keys[:, :, at] = row.tail.values[:, :, at] = written(token, row, row.done + place)
        held = [float(s.keys[0, 0, n, 0]) for s in path_of(row) for n in range(len(s.ids))]
        held += row.tail.keys[0, 0, : row.tail.length + len(new), 0].tolist()
        expected = [written(token, row, at) for at, token in enumerate(row.ids[: row.done] + new)]
        if held != expected:  # raised here it would only fail the row
            self.mixed_up.append(f"{held} instead of {expected}")
        if self._chaos.random() < 0.001:
            return torch.full((1 + len(item.draft), VOCABULARY), float("nan"))
        logits = torch.zeros(1 + len(item.draft), VOCABULARY)
        for place, token in enumerate(new[item.count - 1 :]):
            logits[place, next_token(token)] = 1.0
        return logits


def written(token: int, row: Row, at: int) -> float:
    """What KV of this token looks like: an adapter's own where it acts, else the base's."""
    acts = row.adapter is not None and at >= row.activation
    return float(-token if acts else token)


def next_token(token: int) -> int:
    return STOP if token % 11 == 0 else 4 + (token * 7 + 1) % 50


def path_of(row: Row) -> list[Segment]:
    return row.segment.path() if row.segment is not None else []


def test_ten_thousand_random_steps_leave_nothing_behind(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    chaos = random.Random(11)
    engine, follower = driver.engine, Follower(chaos)
    monkeypatch.setattr(engine._worker._runner, "step", follower.step)
    monkeypatch.setattr(engine._worker._adapters, "_read", read_made_up)
    monkeypatch.setattr(engine._worker, "_settings", load_settings(threads=1))
    engine._worker._tree.bytes_max = 400_000  # small: eviction goes on all the time

    outcomes = driver.loop.run_until_complete(asyncio.wait_for(walk(engine, chaos), timeout=300))

    assert not follower.mixed_up
    assert outcomes["ended"] == outcomes["asked"]
    assert outcomes["failed"] > 0 and outcomes["cancelled"] > 0 and outcomes["accepted"] > 0
    driver.close(PageTokens((0,)))  # a turn of the engine's thread
    engine._worker.inbox.put(engine._worker._tree.evict)
    engine._worker._tree.bytes_max = 0
    driver.loop.run_until_complete(asyncio.sleep(0.8))
    stats = engine.stats()
    assert {name: stats[name] for name in ("rows_running", "rows_waiting", "tails", "kv_bytes", "kv_segments")} == {
        "rows_running": 0, "rows_waiting": 0, "tails": 0, "kv_bytes": 0, "kv_segments": 0,
    }  # fmt: skip


def read_made_up(ref: AdapterRef) -> AdapterWeights:
    """Some adapters vanish between being found and being read."""
    if ref.id.endswith("-gone"):
        raise CopilotError("The adapter's weights cannot be read.", code="copilot_weights_unreadable")
    return AdapterWeights(ref.digest, 2, ref.id.startswith("activated"), {})


async def walk(engine: LocalEngine, chaos: random.Random) -> dict[str, int]:
    pages = [PageTokens(tuple(chaos.choices(range(4, 54), k=chaos.randint(5, 120)))) for _ in range(12)]
    pages += [PageTokens((*page.ids[: len(page.ids) // 2], *chaos.choices(range(4, 54), k=20))) for page in pages[:6]]
    counts = {"asked": 0, "ended": 0, "failed": 0, "cancelled": 0, "accepted": 0}
    opened: list[PageTokens] = []
    running: set[asyncio.Task[None]] = set()
    versions = 0

    async def open_one(page: PageTokens) -> None:
        try:
            await engine.open_page(page, lambda done, total: None)
            opened.append(page)
        except RetinueError:
            counts["failed"] += 1

    async def ask(request: Request, *, cancel_after: int | None) -> None:
        counts["asked"] += 1
        events = engine.generate(request)
        seen = 0
        try:
            async for event in events:
                seen += 1
                if isinstance(event, Finished):
                    break
                assert isinstance(event, Tokens)
                if cancel_after is not None and seen > cancel_after:
                    counts["cancelled"] += 1
                    break
        except RetinueError:
            counts["failed"] += 1
        finally:
            await events.aclose()  # type: ignore[attr-defined]
            counts["ended"] += 1

    for _ in range(STEPS):
        action = chaos.random()
        if action < 0.15:
            running.add(asyncio.create_task(open_one(chaos.choice(pages))))
        elif action < 0.28 and opened:
            await engine.close_page(opened.pop(chaos.randrange(len(opened))))
        elif action < 0.32:
            versions += 1  # a copilot is reloaded under its old name, with other weights
        elif action < 0.75:
            request = made_up(chaos, chaos.choice(pages), versions)
            cancel_after = chaos.randint(0, 6) if chaos.random() < 0.3 else None
            running.add(asyncio.create_task(ask(request, cancel_after=cancel_after)))
        else:
            await asyncio.sleep(0)
        if len(running) > 24:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*running)
    for page in opened:
        await engine.close_page(page)
    counts["accepted"] = engine.stats()["tokens_accepted"]
    return counts


def thread(turn: list[int]) -> list[int]:
    """An earlier turn with its answer, as the next turn's history holds it: its tokens are found in KV again."""
    answer = [next_token(turn[-1])]
    while len(answer) < 12 and answer[-1] != STOP:
        answer.append(next_token(answer[-1]))
    return [*turn, *answer]


def made_up(chaos: random.Random, page: PageTokens, version: int) -> Request:
    kind = chaos.choice(("activated", "plain", "activated-gone", "none", "none", "activated"))
    adapter = None if kind == "none" else AdapterRef(kind, Path(), f"{kind}-{version % 5}")
    request = Request(
        page=page, history=chaos.choice(([], [], *map(thread, TURNS))), turn=chaos.choice(TURNS), adapter=adapter,
        stop_ids=frozenset({STOP}), tokens_max=chaos.randint(1, 24), timeout_s=60, constrain_quotes=False,
    )  # fmt: skip
    return replace(request, timeout_s=0.0) if chaos.random() < 0.02 else request
