"""Thousands of small adapters: folders that differ in a few bytes, how long they take to register and to answer.

Each is a rank-1 adapter on two linears, about 20 KB, so that 10,000 fit on any disk. Registering reads settings and
locks, not weights: what it costs does not depend on the size of the adapters.
"""

import hashlib
import itertools
import json
import logging
import shutil
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.cases import QUESTIONS, Cases, QuestionCase
from bench.figures import Better, Results
from bench.machine import resident_bytes
from bench.models import INSTRUCTIONS, cache_dir
from bench.peers import ours
from server.catalog.copilots import Copilots
from server.catalog.layout import ADAPTERS
from server.engine.adapter_check import check_adapter
from server.engine.adapter_lock import AdapterLock, write_lock
from server.engine.fingerprint import base_fingerprint
from server.settings import Settings

_log = logging.getLogger(__name__)
TABLE = "number of adapters"
CATEGORY = "many"
_LINEARS = ("q_proj", "v_proj")


def make_many(root: Path, base: Path, sample: Path, count: int) -> Path:
    """root/<count>: a user folder with `count` copilots, cut from the adapter `sample`. Made once for each base."""
    fingerprint = base_fingerprint(base)
    folder = root / f"{base.name}-{fingerprint}-{count}-locked"
    if folder.is_dir():
        return folder
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    config = {**json.loads((sample / "adapter_config.json").read_text()), "r": 1, "target_modules": list(_LINEARS)}
    copilots = part / "copilots" / CATEGORY
    for n, content in enumerate(_variants(sample / "adapter_model.safetensors", count), start=1):
        adapter = copilots / f"c{n:05}" / ADAPTERS / base.name
        adapter.mkdir(parents=True)
        (adapter.parents[1] / "copilot.toml").write_text(
            f'name = "Copilot {n}"\npromise = "One of many."\ninstructions = "{INSTRUCTIONS}"\n'
        )
        (adapter / "adapter_config.json").write_text(json.dumps(config))
        digest = hashlib.sha256(content).hexdigest()
        write_lock(adapter, AdapterLock(base_fingerprint=fingerprint, weights_sha256=digest))
        (adapter / "adapter_model.safetensors").write_bytes(content)
    part.rename(folder)
    return folder


def _variants(sample: Path, count: int) -> Iterator[bytes]:
    """The sample's q and v products at rank 1, numbered in the file's metadata: the same size, other bytes."""
    import torch
    from safetensors.torch import load_file, save

    kept = {
        name: (tensor[:1] if ".lora_A." in name else tensor[:, :1]).to(torch.bfloat16).contiguous()
        for name, tensor in load_file(sample).items()
        if name.split(".")[-3] in _LINEARS
    }
    number = "#000000"
    content = save(kept, metadata={"format": "pt", "number": number})
    head = 8 + struct.unpack("<Q", content[:8])[0]
    assert content[:head].count(number.encode()) == 1
    return (content[:head].replace(number.encode(), f"#{n:06}".encode()) + content[head:] for n in range(count))


async def measure(
    results: Results, base: Path, sample: Path, settings: Settings, *, count: int, rounds: int, device: str
) -> None:
    """Register `count` adapters, serve them, and ask new and known ones."""
    _log.info("%s: %s %d", base.name, TABLE, count)
    user_dir = make_many(cache_dir() / "many", base, sample, count)
    theirs = settings.model_copy(update={"user_dir": user_dir})
    ids = [f"{CATEGORY}/c{n:05}" for n in range(1, count + 1)]

    def add(name: str, unit: str, better: Better, values: list[float]) -> None:
        results.add((base.name, TABLE, name), values, unit=unit, contender=ours.NAME, better=better, at=count)

    cases = Cases(base, theirs, ids[: 2 * rounds])
    async with ours.serving(base, cases, theirs, device=device) as server:
        first, again = _register(theirs, base, server.ready.base)
        add("registering all", "s", "lower", [first])
        add("looking for changes", "s", "lower", [again])
        add("server's memory", "MB", "lower", [resident_bytes(server.pid) / 1e6])
        for name, values in (await _ask(server, cases, rounds)).items():
            add(name, "ms", "lower", values)


def _register(settings: Settings, folder: Path, base: Any) -> tuple[float, float]:
    """Seconds of the first look, and of the next one when nothing has changed."""
    from server.engine import BaseInfo

    info = BaseInfo(base.name, base_fingerprint(folder), base.parameters, base.context_tokens)
    copilots = Copilots(
        adapters_dir=settings.adapters_dir, user_dir=settings.user_dir, base=info, check_adapter=check_adapter
    )
    started = time.perf_counter()
    copilots.refresh()
    middle = time.perf_counter()
    copilots.refresh()
    return middle - started, time.perf_counter() - middle


async def _ask(server: ours.Ours, cases: Cases, rounds: int) -> dict[str, list[float]]:
    """First token of copilots that were never asked, and of the same ones right after."""
    page = cases.page(500)
    await server.open(page)
    fresh, numbers = len(cases.copilots), itertools.count()
    values: dict[str, list[float]] = {"first token, adapter on disk": [], "first token, adapter in memory": []}
    for copilot in range(min(rounds, fresh)):
        ask = QuestionCase(page=page, copilot=copilot, question=QUESTIONS[next(numbers) % 4])
        values["first token, adapter on disk"].append((await server.answer(ask)).ttft_ms)
        again = replace(ask, question=QUESTIONS[next(numbers) % 4])
        values["first token, adapter in memory"].append((await server.answer(again)).ttft_ms)
    await server.close(page)
    return values
