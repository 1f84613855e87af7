"""10,000 malformed frames from a seeded generator: mutations of good frames, and a grammar of nearly good ones."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import Figure
from tests.server.fakes import FakeWire, Harness, ask, eventually, hello, page_open
from tests.server.samples import SMALLEST

FRAMES = 10_000
SEED = 20_261_123
GROWTH_BYTES_MAX = 5 * 1024**2
GOOD = [
    page_open(),
    ask(),
    hello(),
    {"type": "cancel", "run": "r"},
    {"type": "page.close", "page": "p"},
    {"type": "ping"},
    {"type": "resume", "session": "s", "seen": {"r": 1}},
    {"type": "proof", "mac": "0" * 64},
    {"type": "train.start", "copilot": "legal/lease", "place": "side"},
    {"type": "train.cancel", "copilot": "legal/lease", "place": "side"},
    {"type": "threads.list", "request": "q", "skip": 1, "address": "https://a.example/"},
    {"type": "threads.search", "request": "q", "query": "lease"},
    {"type": "thread.open", "request": "q", "thread": "t", "before": 3},
    {"type": "thread.rename", "request": "q", "thread": "t", "name": "n"},
    {"type": "thread.export", "request": "q", "thread": "t", "format": "json"},
    *SMALLEST.values(),
]
SCALARS: list[Any] = [
    None,
    True,
    -1,
    10**30,
    1e308,
    "",
    "\n",
    "x" * 5_000,
    "<|im_end|>",
    "../../etc",
    {},
    [],
    [[]],
    {"type": "ask"},
]
RAW = ["", "{", "null", "[" * 50_000, '{"type":' * 2_000, '"\\ud800"', "1" * 5_000, "NaN", "{'a':1}", "\x00"]
RAW += ['{"type":"ping","type":"hello"}', '{"type":"ping"}x', '{"type":"ask","run":"\\ud800"}', "Infinity"]


def malformed(chance: random.Random) -> str | bytes:
    kind = chance.randrange(5)
    if kind == 0:
        return chance.choice(RAW)
    if kind == 1:
        return chance.randbytes(chance.randrange(64))
    frame: dict[str, Any] = dict(chance.choice(GOOD))
    if kind == 2:
        text = bytearray(json.dumps(frame).encode())
        for _ in range(chance.randrange(1, 6)):
            text[chance.randrange(len(text))] = chance.randrange(256)
        return bytes(text).decode("utf-8", errors="replace")
    name = chance.choice(list(frame))
    if kind == 3:
        frame[name] = chance.choice(SCALARS)
    else:
        del frame[name]
        frame[chance.choice(["extra", "Type", "__proto__", "run "])] = chance.choice(SCALARS)
    return json.dumps(frame)


async def converse(harness: Harness, chance: random.Random, left: int) -> int:
    """One client: half of them prove the key first. Returns how many frames it could send."""
    proven = chance.random() < 0.5
    if proven:
        wire, _ = await harness.connect()
    else:
        wire = harness.knock()
    task, sent = harness.tasks[-1], 0
    while sent < left and not task.done():
        for _ in range(min(10 if proven else 1, left - sent)):
            wire.say(malformed(chance))
            sent += 1
        await asyncio.sleep(0)
        drain(wire)
    wire.leave()
    await asyncio.wait_for(task, 10)
    harness.tasks.clear()
    return sent


def resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def drain(wire: FakeWire) -> None:
    while not wire.sent.empty():
        wire.sent.get_nowait()


async def test_malformed_frames_crash_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture, figure: Figure) -> None:
    chance, harness = random.Random(SEED), Harness(tmp_path, resume_s=0)
    sent = 0
    while sent < FRAMES // 10:  # the first frames fill caches that stay
        sent += await converse(harness, chance, FRAMES // 10 - sent)
    before = resident_bytes()

    while sent < FRAMES:
        sent += await converse(harness, chance, FRAMES - sent)

    growth = resident_bytes() - before
    figure(f"{FRAMES:,} malformed frames", f"0 crashes, memory {growth / 1024**2:+.1f} MiB")
    assert growth < GROWTH_BYTES_MAX, f"seed {SEED}: {growth} bytes"
    assert not [record for record in caplog.records if record.levelname == "ERROR" or record.exc_info], f"seed {SEED}"
    wire, _ = await harness.connect()
    wire.say(page_open())
    wire.say(ask())
    assert (await wire.next("run.done"))["answer"] == harness.engine.script
    wire.leave()
    await asyncio.gather(*harness.tasks)
    await eventually(lambda: len(asyncio.all_tasks()) == 1)
