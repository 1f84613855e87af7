"""The numbers of `settings` that are kept outside a session: one below, at, and one above. Those that a session keeps
are in test_limits, those before the proof in tests/attack, those of a frame's fields in test_protocol_limits.
"""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.catalog.own.shelf import Shelf
from server.catalog.teaching.corrections import Corrections
from server.engine.remote.bounds import BoundedStream, TooMuch
from server.errors import CopilotError, LimitExceeded
from tests.server.catalog.own.test_shelf import CONTENT
from tests.server.catalog.teaching.test_corrections import COPILOT, keep
from tests.server.conversation.own.test_desk import DRAFT, ID, asked
from tests.server.conversation.own.test_drafting import harness, opened
from tests.server.fakes import Harness, settings

_ = harness  # the fixture
EDGE = pytest.mark.parametrize("over", [-1, 0, 1])


@EDGE
def test_so_many_corrections_are_kept(tmp_path: Path, over: int) -> None:
    kept = Corrections(tmp_path, most=2)
    keep(kept, "One?")
    if over > -1:
        keep(kept, "Two?")
    if over == 1:
        with pytest.raises(LimitExceeded):
            keep(kept, "Three?")
    assert len(kept.of(COPILOT)) == 2 + min(over, 0)


@EDGE
def test_so_many_own_copilots_are_kept(tmp_path: Path, over: int) -> None:
    shelf = Shelf(settings(tmp_path, own_copilots_max=2))
    for n in range(2 + over):
        if n == 2:
            with pytest.raises(CopilotError):
                shelf.save(f"a/n{n}", CONTENT, seen=None)
        else:
            shelf.save(f"a/n{n}", CONTENT, seen=None)


@EDGE
async def test_instructions_have_so_many_tokens(tmp_path: Path, over: int) -> None:
    wire, _ = await Harness(tmp_path, instructions_tokens_max=40).connect()

    state = (await asked(wire, "copilot.check", draft=DRAFT | {"instructions": "x" * (40 + over)}))["state"]

    assert [fault["code"] for fault in state["faults"]] == (["copilot_too_long"] if over > 0 else [])
    assert state["tokens"] == 40 + over


@EDGE
async def test_a_document_has_so_many_bytes(harness: Harness, over: int) -> None:
    wire = await opened(harness)
    text = ("The ferry leaves at nine. " * 200)[: 4_096 + over]
    content = base64.b64encode(text.encode()).decode()

    answer = await asked(wire, "document.put", copilot=ID, name="ferry.txt", part=0, parts=1, data=content)

    assert (answer["type"], answer.get("code")) == (
        ("error", "document_too_large") if over > 0 else ("documents.done", None)
    )


class Sent(httpx.AsyncByteStream):
    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


async def received(*chunks: bytes, **limits: Any) -> int:
    bounded = BoundedStream(Sent(*chunks), **{"line_bytes_max": 100, "bytes_max": 1_000, **limits})
    return sum([len(chunk) async for chunk in bounded])


@EDGE
async def test_a_server_elsewhere_sends_lines_of_so_many_bytes(over: int) -> None:
    chunks = [b"x" * 60, b"x" * (40 + over), b"\n", b"y"]
    if over > 0:
        with pytest.raises(TooMuch):
            await received(*chunks)
    else:
        assert await received(*chunks) == 102 + over


@EDGE
async def test_a_server_elsewhere_sends_so_many_bytes_in_all(over: int) -> None:
    chunks = [b"x\n" * 250, b"\n" * (500 + over)]
    if over > 0:
        with pytest.raises(TooMuch):
            await received(*chunks)
    else:
        assert await received(*chunks) == 1_000 + over
