"""What an adapter costs: the first token of a copilot whose adapter lies on disk or in memory, and its memory.

The peers here are PEFT with the page's KV kept by hand (load_adapter, set_adapter) and, for memory alone,
llama.cpp, which takes adapters at its start only.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.cases import QUESTIONS, Cases, QuestionCase
from bench.figures import Better, Results
from bench.machine import resident_bytes
from bench.measures import ROWS
from bench.peers import llama_files, llama_peer
from bench.peers.ours import Ours
from bench.peers.peft_peer import PeftKept

_log = logging.getLogger(__name__)
TABLE = "adapters"
PAGE_TOKENS = 500


async def measure(
    results: Results, ours: Ours, peft: PeftKept, cases: Cases, *, model: str, rounds: int, adapter_bytes: int
) -> None:
    """Copilots from ROWS on were never asked before: each is asked once new and once known."""
    _log.info("%s: %s", model, TABLE)
    fresh = range(ROWS, len(cases.copilots))
    for contender, pid in ((ours, ours.pid), (peft, os.getpid())):
        page = cases.page(PAGE_TOKENS)
        await contender.open(page)
        for question in QUESTIONS:
            await contender.answer(QuestionCase(page=page, copilot=0, question=question))
        before, disk, memory = resident_bytes(pid), [], []
        for copilot in fresh:
            ask = QuestionCase(page=page, copilot=copilot, question=QUESTIONS[0])
            disk.append((await contender.answer(ask)).ttft_ms)
            memory.append((await contender.answer(replace(ask, question=QUESTIONS[1]))).ttft_ms)
        grown = (resident_bytes(pid) - before) / len(fresh) / 1e6
        await contender.close(page)
        _add(results, model, contender.name, "first token, adapter on disk", "ms", "lower", disk[-rounds:])
        _add(results, model, contender.name, "first token, adapter in memory", "ms", "lower", memory[-rounds:])
        _add(results, model, contender.name, "memory for each adapter", "MB", "lower", [grown])
    results.note(f"An adapter of {model} has {adapter_bytes / 1e6:.2f} MB on disk; disk means the system's file cache.")


async def llama_memory(
    results: Results, files: llama_files.LlamaFiles, cases: Cases, *, model: str, threads: int
) -> None:
    """The peer's memory with all adapters less that with one, for each."""
    held = []
    for adapters in (files.adapters[:1], files.adapters):
        some = replace(files, adapters=adapters)
        async with llama_peer.running(
            llama_peer.LlamaOneSlot, some, cases, threads=threads, context_tokens=1024
        ) as peer:
            await peer.open(cases.page(PAGE_TOKENS))
            held.append(resident_bytes(peer.pid))
            name = peer.name
    each = (held[1] - held[0]) / (len(files.adapters) - 1) / 1e6
    _add(results, model, name, "memory for each adapter", "MB", "lower", [each])


def folder_bytes(folders: Sequence[Path]) -> int:
    """The weights' bytes of the largest."""
    return max((folder / "adapter_model.safetensors").stat().st_size for folder in folders)


def _add(
    results: Results, model: str, contender: str, measure: str, unit: str, better: Better, values: list[float]
) -> None:
    results.add((model, TABLE, measure), values, unit=unit, contender=contender, better=better)
