"""Requests: one reply each, a limit for each client, nothing that outlives the server."""

import asyncio
import logging
from dataclasses import dataclass

import pytest

from server.conversation.desk_requests import Requests
from server.errors import CopilotError, LimitExceeded
from server.protocol import Frame
from server.protocol.server import Error, Pong

FAILED = CopilotError("It failed.", code="copilot_failed")


@dataclass
class Asked:
    request: str = "q1"


class Desk:
    def __init__(self) -> None:
        self.requests = Requests("tests", each_max=2, failed=FAILED)
        self.replies: list[Frame] = []
        self.go_on = asyncio.Event()

    def ask(self, client: str, fault: Exception | None = None) -> None:
        async def work() -> Frame:
            await self.go_on.wait()
            if fault is not None:
                raise fault
            return Pong()

        self.requests.serve(Asked(), work, client=client, reply=self.replies.append)

    @property
    def refused(self) -> list[str]:
        return [reply.code for reply in self.replies if isinstance(reply, Error)]


@pytest.mark.parametrize(("asked", "busy"), [(1, 0), (2, 0), (3, 1)])
async def test_a_client_has_so_many_under_way(asked: int, busy: int) -> None:
    desk = Desk()
    for _ in range(asked):
        desk.ask("one")

    assert desk.refused == ["busy"] * busy
    desk.go_on.set()
    await desk.requests.idle()
    assert len(desk.replies) == asked


async def test_another_client_and_a_later_request_have_their_own_places() -> None:
    desk = Desk()
    for client in ("greedy", "greedy", "greedy", "other", "other"):
        desk.ask(client)
    assert desk.refused == ["busy"]

    desk.go_on.set()
    await desk.requests.idle()
    desk.ask("greedy")
    await desk.requests.idle()
    assert desk.refused == ["busy"]
    assert sum(isinstance(reply, Pong) for reply in desk.replies) == 5


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (LimitExceeded("Too long.", code="too_long"), "too_long"),
        (OSError(28, "No space left on device"), "disk_full"),
        (ZeroDivisionError("CANARY"), "copilot_failed"),
    ],
)
async def test_every_fault_is_one_reply_without_the_text_of_a_fault_in_the_server(
    fault: Exception, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    with caplog.at_level(logging.ERROR):
        desk.ask("one", fault)
        desk.go_on.set()
        await desk.requests.idle()

    (reply,) = desk.replies
    assert isinstance(reply, Error)
    assert (reply.code, reply.request) == (code, "q1")
    assert "CANARY" not in reply.message + caplog.text


async def test_what_is_under_way_ends_with_the_server() -> None:
    desk = Desk()
    desk.ask("one")
    await desk.requests.close()

    assert desk.replies == []
    assert len(asyncio.all_tasks()) == 1
