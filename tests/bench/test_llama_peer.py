"""The peer's client against a stand-in that streams as llama.cpp's server does."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bench.cases import Cases, PageCase, QuestionCase
from bench.peers.llama_peer import Llama, LlamaOneSlot
from server.errors import RetinueError

PAGE = PageCase("Lease", ("The term is two years.",), (1, 2, 3))
TOKENS = [7, 8, 9]


class StandIn:
    """Answers every completion with TOKENS; counts how many were under way at once."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.at_once = self._now = 0
        self.status = "200 OK"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        self.requests.append(json.loads(await reader.readexactly(length)))
        self._now += 1
        self.at_once = max(self.at_once, self._now)
        writer.write(f"HTTP/1.1 {self.status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for token in TOKENS:
            await asyncio.sleep(0.01)
            self._chunk(writer, {"index": 0, "content": "x", "tokens": [token], "stop": False})
        self._chunk(writer, {"index": 0, "content": "", "tokens": [], "stop": True, "tokens_predicted": 3})
        writer.write(b"0\r\n\r\n")
        self._now -= 1
        await writer.drain()
        writer.close()

    @staticmethod
    def _chunk(writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
        data = f"data: {json.dumps(event)}\n\n".encode()
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


class Prompts(Cases):
    """Prompts without a tokenizer."""

    def __init__(self) -> None:
        """Nothing to load."""

    def prompt(self, ask: QuestionCase) -> list[int]:
        return [*ask.page.ids, 100 + ask.copilot]


@pytest.fixture
async def stand_in() -> AsyncIterator[tuple[StandIn, int]]:
    peer = StandIn()
    async with await asyncio.start_server(peer.serve, "127.0.0.1", 0) as server:
        yield peer, server.sockets[0].getsockname()[1]


def asks() -> list[QuestionCase]:
    return [QuestionCase(page=PAGE, copilot=copilot, question="?", tokens=3) for copilot in range(3)]


async def test_ids_adapter_and_times_of_an_answer(stand_in: tuple[StandIn, int]) -> None:
    peer, port = stand_in
    stamp = await Llama(port, Prompts(), pid=0, label="bf16").answer(asks()[2])

    assert (stamp.ids, stamp.tokens) == (tuple(TOKENS), 3)
    assert stamp.sent_s < stamp.first_s < stamp.ended_s
    assert peer.requests[0]["prompt"] == [1, 2, 3, 102]
    assert peer.requests[0]["lora"] == [{"id": 2, "scale": 1.0}]


async def test_the_natural_use_is_concurrent_and_the_use_by_hand_is_not(stand_in: tuple[StandIn, int]) -> None:
    peer, port = stand_in
    await LlamaOneSlot(port, Prompts(), pid=0, label="bf16").together(asks())
    assert peer.at_once == 1

    stamps = await Llama(port, Prompts(), pid=0, label="bf16").together(asks())
    assert peer.at_once == 3
    assert [stamp.tokens for stamp in stamps] == [3, 3, 3]


async def test_a_refusal_is_told(stand_in: tuple[StandIn, int]) -> None:
    peer, port = stand_in
    peer.status = "400 Bad Request"

    with pytest.raises(RetinueError, match="The peer refused"):
        await Llama(port, Prompts(), pid=0, label="bf16").answer(asks()[0])
