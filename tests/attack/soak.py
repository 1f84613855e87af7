"""An hour of work for one server, and whether its memory creeps. Run by hand; an hour and twenty minutes by default.

    nice -n 15 python -m tests.attack.soak [--base FOLDER] [--minutes 60] [--samples runs/soak.jsonl]

Four users switch between the held-out pages and the copilots of all categories, ask, cancel and leave. The server is a
process of its own. Each sample is its resident memory; the slope is that of Theil and Sen (the median over all pairs)
over the medians of each minute after the warm-up, which a few odd samples cannot move. The system takes back pages of
files when others need memory: the part that is no file's says whether the server itself grows.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection

from server.catalog.bases import list_bases
from server.engine.local.base.weights_record import processor
from server.settings import load_settings
from server.text.page import Page
from tests import tiny
from tests.attack.served import Served, load, serving
from tests.attack.strangers import percentile
from tests.server.fakes import ask
from training.dataset.examples import read_pages

USERS = 4
SAMPLE_S = 5.0
KV_BYTES = 256 * 1024**2  # full within the warm-up, so that what grows afterwards is not the cache of pages
MIB = 1024**2


@dataclass(slots=True)
class Work:
    """What the users did: moment and seconds of each first text, in order."""

    first_texts: list[tuple[float, float]] = field(default_factory=list)
    answers: int = 0
    cancelled: int = 0
    pages: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds since the start, and mebibytes: all that is resident, and the part of it that is no file's."""

    at_s: float
    rss: float
    anonymous: float


def slope_mib_per_hour(points: list[tuple[float, float]]) -> float:
    """Theil and Sen: the median of the slopes between all pairs of (seconds, MiB)."""
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if b[0] > a[0]]
    return statistics.median(slopes) * 3600


def minutes(samples: list[Sample], attribute: str, *, after_s: float) -> list[tuple[float, float]]:
    """The median of each minute after the warm-up."""
    each: dict[int, list[float]] = {}
    for sample in samples:
        if sample.at_s >= after_s:
            each.setdefault(int(sample.at_s // 60), []).append(getattr(sample, attribute))
    return [(minute * 60.0, statistics.median(values)) for minute, values in sorted(each.items())]


@dataclass(frozen=True, slots=True)
class Desk:
    """A category: its pages, and the copilots that it may be asked through."""

    pages: list[Page]
    copilots: list[str]


def desks() -> list[Desk]:
    found = []
    for category in sorted(path.parent for path in load_settings().adapters_dir.glob("*/category.toml")):
        pages = list(read_pages(category / "pages" / "heldout").values())
        copilots = [f"{category.name}/{copilot.parent.name}" for copilot in sorted(category.glob("*/copilot.toml"))]
        if pages and copilots:
            found.append(Desk(pages, copilots))
    return found


async def user(served: Served, number: int, work: Work, *, until: float) -> None:
    """Opens a page, asks one to three questions, closes it; every tenth time comes back with a new connection."""
    chance = random.Random(number)
    choices, visits = desks(), 0
    while time.monotonic() < until:
        async with await served.connect() as client:
            assert (await served.prove(client))["type"] == "ready"
            for _ in range(10):
                desk = choices[(number + visits) % len(choices)] if visits < len(choices) else chance.choice(choices)
                visits += 1
                await visit(client, desk, chance, work)
                if time.monotonic() >= until:
                    return


async def visit(client: ClientConnection, desk: Desk, chance: random.Random, work: Work) -> None:
    page = chance.choice(desk.pages)
    name = f"p{chance.getrandbits(32):x}"
    opened = {"type": "page.open", "page": name, "title": page.title, "url": "https://x.test/"}
    await client.send(json.dumps(opened | {"blocks": [block.text for block in page.blocks]}))
    work.pages += 1
    for _ in range(chance.randint(1, 3)):
        words = chance.choice(page.blocks).text.split()
        question = f"What does the page say about {' '.join(words[:6])}?"
        await answer(client, name, chance.choice(desk.copilots), question, work, cancelled=chance.random() < 0.15)
        await asyncio.sleep(chance.random())
    await client.send(json.dumps({"type": "page.close", "page": name}))


async def answer(
    client: ClientConnection, page: str, copilot: str, question: str, work: Work, *, cancelled: bool
) -> None:
    run, started, seen = f"r{random.getrandbits(40):x}", time.monotonic(), -1
    await client.send(json.dumps(ask(run, page, copilot=copilot, question=question, max_tokens=64)))
    while True:
        frame = json.loads(await client.recv())
        if frame["type"] == "error":
            work.errors.append(frame)
            return
        if frame.get("run") != run:
            continue
        assert frame["seq"] == seen + 1, frame
        seen = frame["seq"]
        if frame["type"] == "run.delta" and started:
            work.first_texts.append((time.monotonic(), time.monotonic() - started))
            started = 0.0
            if cancelled:
                await client.send(json.dumps({"type": "cancel", "run": run}))
        if frame["type"] == "run.error":
            work.errors.append(frame)
        if frame["type"] in ("run.done", "run.error"):
            work.answers += 1
            work.cancelled += cancelled
            return


async def watch(served: Served, samples: list[Sample], file: Path | None, *, began: float) -> None:
    while True:
        memory = served.process.memory_info()
        sample = Sample(time.monotonic() - began, memory.rss / MIB, (memory.rss - memory.shared) / MIB)
        samples.append(sample)
        if file is not None:
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps([sample.at_s, sample.rss, sample.anonymous, os.getloadavg()[0]]) + "\n")
        await asyncio.sleep(SAMPLE_S)


async def soak(folder: Path, base: Path, *, warm_up_s: float, seconds: float, file: Path | None) -> None:
    """Prints the figures."""
    work, samples = Work(), list[Sample]()
    async with serving(folder, base, kv_bytes_max=KV_BYTES) as served:
        began = time.monotonic()
        watching = asyncio.create_task(watch(served, samples, file, began=began))
        until = began + warm_up_s + seconds
        await asyncio.gather(*(user(served, number, work, until=until) for number in range(USERS)))
        watching.cancel()
    samples = [sample for sample in samples if sample.at_s <= warm_up_s + seconds]  # not the end of the last visits
    say(samples, work, began=began, warm_up_s=warm_up_s)


def say(samples: list[Sample], work: Work, *, began: float, warm_up_s: float) -> None:
    rss, anonymous = (minutes(samples, name, after_s=warm_up_s) for name in ("rss", "anonymous"))
    times = [seconds for moment, seconds in work.first_texts if moment - began >= warm_up_s]
    halves = [percentile(half, 0.95) for half in (times[: len(times) // 2], times[len(times) // 2 :])]
    print(f"| pages, answers (of them cancelled) | {work.pages:,}, {work.answers:,} ({work.cancelled}) |")
    print(f"| errors | {dict(Counter(error['code'] for error in work.errors))} |")
    print(f"| resident at the end of the warm-up, at the end | {rss[0][1]:.0f} MiB, {rss[-1][1]:.0f} MiB |")
    print(f"| its slope over {len(rss)} minutes | {slope_mib_per_hour(rss):+.2f} MiB an hour |")
    print(f"| that of the part that is no file's | {slope_mib_per_hour(anonymous):+.2f} MiB an hour |")
    print(f"| first text p95, first half and second | {halves[0]:.2f} s, {halves[1]:.2f} s |")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.attack.soak", description=__doc__)
    parser.add_argument("--base", type=Path, help="a base's folder; a tiny one with random weights when left out")
    parser.add_argument("--default-base", action="store_true", help="the base of the settings, where it is here")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--warm-up-minutes", type=float, default=20.0)
    parser.add_argument("--samples", type=Path, help="a file that takes each sample as a line of JSON")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = load_settings()
        default = list_bases(settings).get(settings.base) if chosen.default_base else None
        base = chosen.base or default or tiny.make_base(folder / "bases" / "tiny", context=4_096)
        print(f"{processor(os.cpu_count() or 1)}; base {base.name}; load at the start {load()}\n", flush=True)
        seconds = {"warm_up_s": chosen.warm_up_minutes * 60, "seconds": chosen.minutes * 60}
        asyncio.run(soak(folder, base, file=chosen.samples, **seconds))
        print(f"\nLoad at the end: {load()}")


if __name__ == "__main__":
    main(sys.argv[1:])
