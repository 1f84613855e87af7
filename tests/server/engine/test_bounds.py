"""What bounds the engine's memory and queue, and a socket's: one below, at, and one above."""

import asyncio
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.conversation.outbox import Outbox
from server.engine import AdapterRef
from server.engine.local.base.adapter import AdapterWeights
from server.engine.local.kvcache import BASE_KIND, SegmentTree
from server.engine.local.lora import ResidentAdapters
from server.engine.local.scheduler import Row
from server.protocol.server import Pong
from server.settings import load_settings
from server.transport.listener import SocketProtocol
from tests.server.engine.test_budget import scheduler
from tests.server.engine.test_kvcache import insert

EDGE = pytest.mark.parametrize("over", [-1, 0, 1])


@EDGE
def test_so_many_answers_wait(over: int) -> None:
    planner, ended = scheduler(waiting_max=3), list[Any]()
    for _ in range(3 + over):
        planner.submit(Row(ids=[0], activation=0, emit=ended.append, client="one"))

    assert (len(planner.waiting), len(ended)) == (3 + min(over, 0), max(over, 0))


@EDGE
def test_pages_take_so_many_bytes(over: int) -> None:
    measured = SegmentTree(10**9)
    insert(measured, [1, 2])
    tree = SegmentTree(2 * measured.bytes - over)
    insert(tree, [1, 2])
    insert(tree, [3, 4])

    assert tree.match(BASE_KIND, [3, 4])[1] == 2
    assert tree.match(BASE_KIND, [1, 2])[1] == (0 if over > 0 else 2)
    assert tree.bytes <= tree.bytes_max


@EDGE
def test_adapters_in_memory_take_so_many_bytes(over: int) -> None:
    a, b = torch.zeros(1, 8), torch.zeros(8, 1)
    bytes_each = a.nbytes + b.nbytes
    held = ResidentAdapters(
        lambda ref: AdapterWeights(ref.digest, 1, True, {"q": (a, b)}), bytes_max=2 * bytes_each - over
    )
    for name in ("one", "two"):
        held.get(AdapterRef(name, Path(), name))

    assert (len(held), held.bytes) == (1 if over > 0 else 2, bytes_each * (1 if over > 0 else 2))


@EDGE
async def test_so_many_events_wait_for_a_socket(over: int) -> None:
    outbox = Outbox(events_max=3)
    for _ in range(3 + over):
        outbox.put(Pong())

    assert outbox.full == (over >= 0)
    waiting = asyncio.create_task(outbox.room())
    await asyncio.sleep(0)
    assert waiting.done() == (over < 0)
    for _ in range(max(0, over + 1)):
        await outbox.get()
    await waiting


@EDGE
def test_so_many_bytes_wait_to_be_written(monkeypatch: pytest.MonkeyPatch, over: int) -> None:
    monkeypatch.setattr(WebSocketsSansIOProtocol, "data_received", lambda self, data: None)
    protocol: Any = SocketProtocol.__new__(SocketProtocol)
    protocol._settings = load_settings(write_bytes_max=64 * 1024)
    protocol.transport = mock.Mock(get_write_buffer_size=lambda: 64 * 1024 + over)

    protocol.data_received(b"ping")

    assert protocol.transport.abort.called == (over > 0)
