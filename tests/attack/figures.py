"""`make attack`: the long forms, with printed figures, the processor and the load that they were measured under.

Run as a module from the repository root. The engine is a tiny base with random weights unless a folder is given; the
sockets, uvicorn and the session are the real ones.
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
from websockets.asyncio.client import ClientConnection

from server.catalog.bases import BaseText, list_bases, load_text
from server.engine.local.base.weights_record import processor
from server.engine.local.engine import LocalEngine
from server.log import set_up_log
from server.settings import load_settings
from server.text.prompt import PromptLayout
from tests import tiny
from tests.attack import obeying
from tests.attack.strangers import Lag, first_text_s, frames, measured_lag, percentile, ping_s, silent
from tests.server.fakes import END, FakeEngine, ask, decode, page_open
from tests.server.live import Live, running

LONG_CHARS = 391_000
PAGE_TOKENS = 4_000
ORDERS = 200


def say(what: str, figure: str) -> None:
    print(f"| {what} | {figure} |", flush=True)


def lag_text(lag: Lag) -> str:
    shares = {"p50": 0.5, "p99": 0.99, "worst": 1.0}
    return ", ".join(f"{name} {lag.percentile_ms(share):.1f} ms" for name, share in shares.items())


async def strangers(folder: Path, _: float) -> None:
    """A paired client beside as many silent connections as the server will hold, and three times more."""
    async with running(folder) as live:
        alone = [await first_text_s(live) for _ in range(20)]
        async with silent(live, 400):
            beside = [await first_text_s(live) for _ in range(20)]
    say("first text, alone", f"p95 {percentile(alone, 0.95) * 1000:.0f} ms")
    say("first text beside 400 silent connections", f"p95 {percentile(beside, 0.95) * 1000:.0f} ms")


async def two_hundred_sockets(folder: Path, seconds: float) -> None:
    """Each asks again and again; every event must come, in order."""
    limits: dict[str, Any] = {"sockets_max": 256, "unproven_max": 256, "hello_s_max": 60, "unproven_s_max": 60}
    async with running(folder, FakeEngine("word " * 40), **limits) as live:
        before = psutil.Process().memory_info().rss
        async with measured_lag() as lag:
            ends = await asyncio.gather(*(keep_asking(live, until=time.monotonic() + seconds) for _ in range(200)))
        grown = (psutil.Process().memory_info().rss - before) / 1024
    answers = sum(ends)
    say(f"200 sockets for {seconds:.0f} s", f"{answers:,} answers, 0 events lost or out of order, {lag_text(lag)}")
    say("memory of a socket, both ends", f"{grown / 200:.0f} KiB")


async def keep_asking(live: Live, *, until: float) -> int:
    """Answers that came whole. Raises AssertionError when an event is lost."""
    answers = 0
    async with await live.connect() as client:
        assert (await live.prove(client))["type"] == "ready"
        await client.send(json.dumps(page_open()))
        while time.monotonic() < until:
            run, seen = f"r{answers}", -1
            await client.send(json.dumps(ask(run)))
            while True:
                frame = json.loads(await client.recv())
                if frame.get("run") != run:
                    continue
                assert frame["seq"] == seen + 1, frame
                seen = frame["seq"]
                if frame["type"] == "run.done":
                    break
            answers += 1
            await asyncio.sleep(0.5)
    return answers


async def long_pages(folder: Path, _: float) -> None:
    """Sixty pages of 391,000 characters from one client, and another client's questions on its open page meanwhile."""
    base = BaseText(PromptLayout(tiny.tokenizer()), decode, frozenset({END}))
    engine = FakeEngine(context=8_192)
    async with running(folder, engine, base) as live, await live.connect() as greedy, await live.connect() as other:
        for client in (greedy, other):
            assert (await live.prove(client))["type"] == "ready"
        await other.send(json.dumps(page_open()))
        alone = [await question_s(other, f"a{at}") for at in range(10)]
        sentence = "The tenant pays the rent on the first day of each month. "
        blocks = [sentence * 20] * (LONG_CHARS // (20 * len(sentence)))
        opens = [json.dumps(page_open(f"p{n % 8}", blocks)) for n in range(60)]
        flood = asyncio.create_task(send_all(greedy.send, opens))
        await asyncio.sleep(0.2)
        async with measured_lag() as lag:
            beside = [await question_s(other, f"b{at}") for at in range(20)]
        flood.cancel()
        greedy.transport.abort()
    say("a question of another client, alone", f"worst {max(alone) * 1000:.0f} ms")
    say(f"the same beside 60 opened pages of {LONG_CHARS:,} characters", f"worst {max(beside) * 1000:.0f} ms")
    say("event loop meanwhile", lag_text(lag))


async def question_s(client: ClientConnection, run: str) -> float:
    """To the first text of the answer."""
    started = time.monotonic()
    await client.send(json.dumps(ask(run)))
    while True:
        frame = json.loads(await client.recv())
        if frame.get("run") == run and frame["type"] == "run.delta":
            return time.monotonic() - started


async def reading(folder: Path, _: float) -> None:
    """The loop and another client's ping while the default base, where it is here, reads a page of 4,000 tokens."""
    settings = load_settings()
    here = list_bases(settings).get(settings.base) or tiny.make_base(folder / "tiny", context=8_192)
    tokens, seconds, lag, pings = await read_beside(folder, here)
    say(f"event loop while {here.name} reads {tokens:,} tokens ({seconds:.0f} s)", lag_text(lag))
    say("ping of another client meanwhile", f"p99 {percentile(pings, 0.99) * 1000:.0f} ms")


async def injections(folder: Path, _: float) -> None:
    """How many orders of a page are obeyed by the default base with the general adapter; minutes to an hour."""
    settings = load_settings()
    here = list_bases(settings).get(settings.base)
    if here is None:
        say("orders of a page that were obeyed", f"not measured: {settings.base} is not here")
    else:
        await obeying.measure(folder, here, count=ORDERS, copilot="generalist")


async def read_beside(folder: Path, base: Path) -> tuple[int, float, Lag, list[float]]:
    """Tokens, seconds, lag of the loop and seconds of each ping while a page is read by this base."""
    text = load_text(base)
    sentence = "The tenant pays the rent on the first day of each month. "
    blocks = [sentence * 5] * max(1, PAGE_TOKENS // len(text.layout.text(sentence * 5)))
    engine: Any = LocalEngine(load_settings(), base)
    pings: list[float] = []
    async with running(folder, engine, text) as live, await live.connect() as reader, await live.connect() as other:
        for client in (reader, other):
            assert (await live.prove(client))["type"] == "ready"
        started = time.monotonic()
        async with measured_lag() as lag:
            await reader.send(json.dumps(page_open(blocks=blocks)))
            ready = asyncio.create_task(frame_of(reader, "page.ready"))
            while not ready.done():
                pings.append(await ping_s(other))
                await asyncio.sleep(0.02)
        return (await ready)["tokens"], time.monotonic() - started, lag, pings


async def frame_of(client: ClientConnection, type_: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = json.loads(await client.recv())
        assert frame["type"] != "error", frame
        if frame["type"] == type_:
            return frame


async def send_all(send: Callable[[str], Awaitable[None]], texts: list[str]) -> None:
    for text in texts:
        await send(text)


async def pings(folder: Path, _: float) -> None:
    """A client that floods with pings, and another's ping."""
    from websockets.frames import Opcode

    async with running(folder) as live, await live.connect() as other:
        await live.prove(other)
        times, flood = [], frames(Opcode.PING, b"x" * 100, count=50_000)
        for _ in range(20):
            flooder = await live.connect()
            await live.prove(flooder)
            flooder.transport.write(flood)
            times.append(await ping_s(other))
            flooder.transport.abort()
    say("ping of another client beside floods of 50,000 pings", f"worst {max(times) * 1000:.0f} ms")


ATTACKS = {
    "strangers": strangers,
    "pings": pings,
    "pages": long_pages,
    "reading": reading,
    "injections": injections,
    "sockets": two_hundred_sockets,
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.attack.figures", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(ATTACKS), choices=[[], *ATTACKS], help="all when left out")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the long ones")
    chosen = parser.parse_args(arguments)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{processor(os.cpu_count() or 1)}; load {load}; Python {platform.python_version()}\n")
    print("| what | figure |\n| --- | --- |")
    set_up_log()
    for name in chosen.names:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(ATTACKS[name](Path(folder), chosen.seconds))


if __name__ == "__main__":
    main(sys.argv[1:])
