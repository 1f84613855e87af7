"""Cancel, limits and faults: one terminal event a request, and memory back to where it was."""

import asyncio
import gc
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from server.engine import AdapterRef, Finished, PageTokens, Request, Tokens
from server.engine.local import worker
from server.errors import Busy, CopilotError, RunError

from .conftest import USER_HEADER, Driver, running

PAGE = PageTokens((1, *range(300, 500), 2))
TURN = [*USER_HEADER, 400, 401, 402]

RequestFor = Callable[..., Request]


def settle(driver: Driver, **wanted: int) -> dict[str, int]:
    for _ in range(100):
        stats = driver.engine.stats()
        if all(stats[name] == value for name, value in wanted.items()):
            return stats
        time.sleep(0.02)
    return driver.engine.stats()


def test_a_closed_page_gives_its_memory_back_when_room_is_needed(driver: Driver) -> None:
    assert driver.open(PAGE) == (202, 0)
    assert driver.open(PAGE) == (202, 202)
    driver.close(PAGE)
    driver.close(PAGE)
    held = driver.engine.stats()["kv_bytes"]
    driver.engine._worker._tree.bytes_max = 2 * held
    driver.open(PageTokens((1, 300, 2)))

    assert 0 < driver.engine.stats()["kv_bytes"] < held
    driver.engine._worker._tree.bytes_max = 0
    driver.close(PageTokens((1, 300, 2)))
    assert settle(driver, kv_bytes=0)["kv_bytes"] == 0


def test_rows_of_every_kind_share_their_steps_as_served(
    tiny_base: Path, refs: list[AdapterRef], request_for: RequestFor
) -> None:
    """In bf16: a step that fails would be repeated row by row, with the same answers, several times slower."""
    sentence = list(range(600, 630))
    repeating = PageTokens((1, *sentence, *sentence, *sentence, 2))
    with running(tiny_base) as driver:
        driver.open(PAGE)
        driver.open(repeating)
        answers = driver.ask(
            *(request_for(PAGE, [*TURN, n], ref, tokens=30 - 3 * n) for n, ref in enumerate([*refs, None])),
            *(request_for(repeating, [*USER_HEADER, *sentence[:6]], ref, tokens=30) for ref in refs),
            request_for(PageTokens(tuple(range(300, 420))), TURN, refs[0]),
        )
        stats = driver.engine.stats()

    assert [len(ids) for ids, _ in answers] == [30, 27, 24, 21, 30, 30, 30, 12]
    assert stats["steps_repeated"] == 0
    assert stats["tokens_drafted"] > 0


def test_another_attempt_gives_another_answer_and_the_same_one_each_time(
    driver: Driver, request_for: RequestFor
) -> None:
    """Alone, in a mixed batch, and with drafted tokens or without."""
    driver.open(PAGE)
    greedy, second = request_for(PAGE, TURN, None, tokens=30), request_for(PAGE, TURN, None, tokens=30)
    sampled = replace(second, attempt=1)
    [(first, _)] = driver.ask(sampled)
    answers = [ids for ids, _ in driver.ask(greedy, sampled, replace(sampled, attempt=2))]

    assert answers[1] == first
    assert len({tuple(ids) for ids in answers}) == 3


def test_a_prompt_without_a_page_is_answered_and_may_hold_any_mark(driver: Driver, request_for: RequestFor) -> None:
    alone = PageTokens((1, 300, 301, 2))
    driver.open(alone)
    [(ids, end)] = driver.ask(request_for(alone, TURN, None, tokens=10))

    assert (len(ids), end.reason, end.prompt_tokens) == (10, "length", 4 + len(TURN))


def test_a_cancelled_answer_frees_its_row(driver: Driver, request_for: RequestFor) -> None:
    async def cancel_after_three() -> int:
        stream = driver.engine.generate(request_for(PAGE, TURN, None, tokens=500))
        seen = 0
        async for event in stream:
            seen += isinstance(event, Tokens)
            if seen == 3:
                await stream.aclose()  # type: ignore[attr-defined]
                break
        return seen

    driver.open(PAGE)

    assert driver.loop.run_until_complete(cancel_after_three()) == 3
    assert settle(driver, rows_running=0)["rows_running"] == 0


def test_reading_a_page_can_be_cancelled(driver: Driver) -> None:
    async def cancel_while_reading() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(driver.engine.open_page(PAGE, lambda done, total: started.set()))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    driver.loop.run_until_complete(cancel_while_reading())

    assert settle(driver, rows_running=0, kv_bytes=0) == settle(driver, rows_running=0)


def test_an_answer_past_its_deadline_ends_with_what_it_has(driver: Driver, request_for: RequestFor) -> None:
    [(ids, finished)] = driver.ask(replace(request_for(PAGE, TURN, None, tokens=100_000), timeout_s=0.3))

    assert finished.reason == "length"
    assert len(ids) == finished.answer_tokens


def test_the_ninth_waiting_answer_is_refused_as_busy(driver: Driver, request_for: RequestFor) -> None:
    requests = [request_for(PAGE, [*TURN, n], None, tokens=40) for n in range(300, 330)]

    async def flood() -> list[object]:
        return await asyncio.gather(*map(driver.answer, requests), return_exceptions=True)

    outcomes = driver.loop.run_until_complete(flood())

    refused = [o for o in outcomes if isinstance(o, Busy)]
    assert refused and all(o.retry_after_ms for o in refused)
    assert len(refused) + sum(isinstance(o, tuple) for o in outcomes) == len(requests)


def test_a_prompt_that_fills_the_context_is_refused(driver: Driver, request_for: RequestFor) -> None:
    long_turn = [*USER_HEADER, *[300] * 900]

    with pytest.raises(RunError) as refusal:
        driver.ask(request_for(PAGE, long_turn, None))

    assert refusal.value.code == "run_too_long"


def test_an_adapter_that_vanished_fails_its_own_answer_only(
    driver: Driver, request_for: RequestFor, refs: list[AdapterRef]
) -> None:
    gone = replace(refs[0], folder=refs[0].folder / "gone", digest="0" * 64)

    async def both() -> tuple[object, object]:
        return await asyncio.gather(
            driver.answer(request_for(PAGE, TURN, gone)),
            driver.answer(request_for(PAGE, TURN, refs[1])),
            return_exceptions=True,
        )

    failed, answered = driver.loop.run_until_complete(both())

    assert isinstance(failed, CopilotError)
    assert isinstance(answered, tuple) and isinstance(answered[1], Finished)


def test_a_row_that_breaks_a_step_fails_alone(
    driver: Driver, request_for: RequestFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = driver.engine._worker._runner.step

    def breaks_on_token_777(work: list[object]) -> list[torch.Tensor]:
        if any(777 in item.row.ids for item in work):  # type: ignore[attr-defined]
            raise MemoryError
        return step(work)  # type: ignore[arg-type]

    monkeypatch.setattr(driver.engine._worker._runner, "step", breaks_on_token_777)

    async def both() -> tuple[object, object]:
        return await asyncio.gather(
            driver.answer(request_for(PAGE, [*TURN, 777], None)),
            driver.answer(request_for(PAGE, TURN, None)),
            return_exceptions=True,
        )

    failed, answered = driver.loop.run_until_complete(both())

    assert isinstance(failed, RunError) and failed.code == "run_memory"
    assert isinstance(answered, tuple) and len(answered[0]) == 12
    assert settle(driver, rows_running=0)["rows_running"] == 0


def test_logits_that_are_no_numbers_fail_their_row_only(
    driver: Driver, request_for: RequestFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = driver.engine._worker._runner.step

    def poisons_token_777(work: list[object]) -> list[torch.Tensor]:
        logits = [row.clone() for row in step(work)]  # type: ignore[arg-type]
        for place, item in enumerate(work):
            if 777 in item.row.ids:  # type: ignore[attr-defined]
                logits[place] = logits[place] * float("nan")
        return logits

    monkeypatch.setattr(driver.engine._worker._runner, "step", poisons_token_777)

    async def both() -> tuple[object, object]:
        return await asyncio.gather(
            driver.answer(request_for(PAGE, [*TURN, 777], None)),
            driver.answer(request_for(PAGE, TURN, None)),
            return_exceptions=True,
        )

    failed, answered = driver.loop.run_until_complete(both())

    assert isinstance(failed, RunError) and failed.code == "run_nan"
    assert isinstance(answered, tuple) and len(answered[0]) == 12


def test_a_row_that_cannot_be_admitted_fails_alone(
    driver: Driver, request_for: RequestFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.open(PAGE)

    def no_room(capacity: int) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(driver.engine._worker._runner, "new_tail", no_room)
        with pytest.raises(RunError) as failure:
            driver.ask(request_for(PAGE, TURN, None))

    assert failure.value.code == "run_memory"
    assert len(driver.ask(request_for(PAGE, TURN, None))[0][0]) == 12
    assert settle(driver, rows_running=0)["rows_running"] == 0


def test_an_engine_that_fails_between_steps_fails_its_answers_and_goes_on(
    driver: Driver, request_for: RequestFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(driver.engine._worker._scheduler, "plan", broken)
        with pytest.raises(RunError) as failure:
            driver.ask(request_for(PAGE, TURN, None))

    assert failure.value.code == "engine_restarted" and failure.value.retry_after_ms
    assert len(driver.ask(request_for(PAGE, TURN, None))[0][0]) == 12


def test_a_stopped_engine_holds_no_weights_though_somebody_holds_it(tiny_base: Path) -> None:
    with running(tiny_base) as driver:
        driver.open(PAGE)
        weights, tree = (weakref.ref(part) for part in (driver.engine._worker._runner, driver.engine._worker._tree))
        assert driver.engine.stats()["weight_bytes"] > 0
    gc.collect()

    assert (weights(), tree()) == (None, None)
    assert driver.engine.stats()["rows_running"] == 0


def test_an_engine_that_nobody_asks_gives_memory_back_once(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[float] = []
    with running(tiny_base) as driver:
        monkeypatch.setattr(worker, "IDLE_S", 0.01)
        monkeypatch.setattr(worker, "give_back", lambda: given_back.append(time.monotonic()))
        for times in (1, 2):
            driver.open(PageTokens((1, 300 + times, 2)))
            deadline = time.monotonic() + 30
            while len(given_back) < times and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.3)
            assert len(given_back) == times


def test_memory_is_given_back_every_few_pages_also_where_nobody_rests(
    tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back: list[int] = []
    with running(tiny_base) as driver:
        monkeypatch.setattr(worker, "give_back", lambda: given_back.append(1))
        for number in range(2 * worker.PAGES_UNTIL_GIVEN_BACK - 1):
            driver.open(PageTokens((1, 300 + number, 2)))
        assert len(given_back) == 1
        driver.open(PageTokens((1, 999, 2)))
    assert len(given_back) == 2
