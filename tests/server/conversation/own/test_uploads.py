"""Files that a client begins to send, or that take long to read, are in nobody else's way."""

import asyncio
import base64
import threading
from typing import Any

import pytest

from server.conversation.own.documents import UPLOADS_MAX
from server.text.documents import read_content
from tests.server.conversation.own.test_desk import DRAFT, ID, asked
from tests.server.conversation.own.test_drafting import harness, opened
from tests.server.fakes import FakeWire, Harness

_ = harness  # the fixture: a file may have 4,096 bytes
TEXT = base64.b64encode(b"The ferry leaves at nine on every day of the week. " * 20).decode()


async def part(wire: FakeWire, name: str, *, part: int = 0, parts: int = 2, data: str = TEXT) -> dict[str, Any]:
    return await asked(wire, "document.put", copilot=ID, name=name, part=part, parts=parts, data=data)


async def test_half_files_of_one_client_do_not_refuse_those_of_another(harness: Harness) -> None:
    greedy, (other, _) = await opened(harness), await harness.connect()
    for n in range(UPLOADS_MAX):
        assert (await part(greedy, f"half{n}.txt"))["type"] == "documents.done"

    assert (await part(greedy, "one-more.txt"))["code"] == "document_parts"
    assert (await part(other, "mine.txt"))["type"] == "documents.done"
    assert (await part(other, "mine.txt", part=1))["type"] == "documents.done"


async def test_half_files_of_all_have_bounded_room_and_who_holds_most_makes_way(harness: Harness) -> None:
    greedy, (other, _), (third, _) = await opened(harness), await harness.connect(), await harness.connect()
    large = base64.b64encode(b"x" * 4_096).decode()
    for n in range(3):
        await part(greedy, f"half{n}.txt", data=large)
    await part(other, "mine.txt", data=base64.b64encode(b"The ferry leaves at nine. " * 100).decode())

    assert (await part(third, "third.txt", data=large))["type"] == "documents.done"  # more than four files are here
    assert (await part(greedy, "half0.txt", part=1, data=""))["code"] == "document_parts"
    assert (await part(other, "mine.txt", part=1, data=""))["type"] == "documents.done"


async def test_files_that_take_long_to_read_hold_up_nobody(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    read, go_on = read_content, threading.Event()

    def slowly(*arguments: Any, **options: Any) -> Any:
        go_on.wait(30)
        return read(*arguments, **options)

    monkeypatch.setattr("server.conversation.own.documents.read_content", slowly)
    loop = asyncio.get_running_loop()
    busy, (other, _) = await opened(harness), await harness.connect()
    for n in range(24):
        frame = {"type": "document.put", "copilot": ID, "name": f"f{n}.txt", "part": 0, "parts": 1, "data": TEXT}
        busy.say(frame | {"request": f"q{n}"})

    try:
        async with asyncio.timeout(10):
            assert (await asked(other, "copilot.check", draft=DRAFT))["type"] == "copilot.checked"
            assert await loop.run_in_executor(None, lambda: 1)
    finally:
        go_on.set()
