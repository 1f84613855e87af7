"""The threads for pages: one page of a client at a time, and never those of the questions."""

import asyncio
import threading

from server.conversation.page_work import PageWork
from tests.server.fakes import eventually, settle


async def test_a_client_with_many_pages_lets_others_through() -> None:
    work, go, order = PageWork("test", threads=1), threading.Event(), []

    def step(name: str) -> None:
        go.wait(5)
        order.append(name)

    greedy = [asyncio.create_task(work.do("greedy", lambda: step("greedy"))) for _ in range(5)]
    await settle()
    modest = asyncio.create_task(work.do("modest", lambda: step("modest")))
    await settle()
    go.set()
    await asyncio.gather(*greedy, modest)

    assert order[:2] == ["greedy", "modest"]


async def test_work_that_nobody_waits_for_any_more_is_never_begun() -> None:
    work, go, begun = PageWork("test", threads=1), threading.Event(), []

    def step(name: int) -> None:
        begun.append(name)
        go.wait(5)

    tasks = [asyncio.create_task(work.do("a", lambda at=at: step(at))) for at in range(10)]  # type: ignore[misc]
    await eventually(lambda: begun == [0])
    for task in tasks[1:]:
        task.cancel()
    go.set()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert begun == [0]


async def test_questions_have_threads_of_their_own() -> None:
    work, go = PageWork("test", threads=2), threading.Event()
    pages = [asyncio.create_task(work.do(f"c{at}", lambda: go.wait(5))) for at in range(40)]
    await settle()

    async with asyncio.timeout(3):
        assert await asyncio.to_thread(lambda: "answered") == "answered"

    go.set()
    await asyncio.gather(*pages)
