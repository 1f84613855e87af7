"""What narrower weights cost: the base's loss on a short text, for each way to hold its weights.

Four bits are only chosen by `auto` when a measurement on this machine found the loss within 2 % of the base's own;
`retinue doctor --weights` measures and writes the choice down.
"""

import json
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch.nn import functional as F
from transformers import AutoTokenizer

from server.engine.loader import load_base
from server.engine.runner import Runner
from server.engine.scheduler import Row, Work
from server.engine.weights import WeightMode

Weights = Literal["auto", "bf16", "int8", "int4"]

LOSS_SHARE_MAX = 0.02
TEXT = Path(__file__).with_name("heldout.txt")
_RECORD = "weights.json"
_MODES: dict[str, WeightMode] = {"bf16": "wide", "int8": "int8", "int4": "int4"}
_DRAFTED = 2  # three tokens a step: as many as every narrow kernel still takes


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to hold the weights: mean loss in nats per token, median time of a one-token step in ms."""

    weights: str
    loss: float
    step_ms: float


def mode_of(weights: Weights, *, fingerprint: str, config_dir: Path) -> WeightMode:
    """The mode to load with; `auto` reads what `measure_all` recorded for this base, and is bf16 without a record."""
    if weights != "auto":
        return _MODES[weights]
    try:
        chosen = json.loads((config_dir / _RECORD).read_text(encoding="utf-8")).get(fingerprint, "bf16")
    except (OSError, ValueError, AttributeError):
        return "wide"
    return _MODES.get(chosen, "wide") if isinstance(chosen, str) else "wide"


def measure_all(folder: Path, *, config_dir: Path, threads: int) -> tuple[list[Measured], str]:
    """Measure every mode, record the fastest whose loss is within 2 % of the base's, and name it. Raises BaseError."""
    torch.set_num_threads(threads)
    base = load_base(folder)
    ids = AutoTokenizer.from_pretrained(folder, local_files_only=True).encode(TEXT.read_text(encoding="utf-8"))
    measured = [_measure(name, Runner(load_base(folder), mode=mode), ids) for name, mode in _MODES.items()]
    limit = measured[0].loss * (1 + LOSS_SHARE_MAX)
    chosen = min((one for one in measured if one.loss <= limit), key=lambda one: one.step_ms).weights
    record = config_dir / _RECORD
    config_dir.mkdir(parents=True, exist_ok=True)
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    temporary = record.with_suffix(".new")
    temporary.write_text(json.dumps({**known, base.info.fingerprint: chosen}), encoding="utf-8")
    os.replace(temporary, record)
    return measured, chosen


def _measure(name: str, runner: Runner, ids: list[int]) -> Measured:
    row = Row(ids=list(ids), activation=len(ids), emit=lambda event: None)
    row.tail = runner.new_tail(len(ids))
    nats, counted, times = 0.0, 0, []
    while row.pending > 1:
        ahead = ids[row.done + 1 : row.done + 1 + _DRAFTED]
        targets = torch.tensor(ids[row.done + 1 : row.done + 2 + len(ahead)])
        started = time.perf_counter()
        logits = runner.step([Work(row, 1, tuple(ahead))])[0]
        times.append(time.perf_counter() - started)
        nats += float(F.cross_entropy(logits[: len(targets)].float(), targets, reduction="sum"))
        counted += len(targets)
        row.advance(len(targets))
    row.tail.free()
    return Measured(name, nats / counted, 1e3 * statistics.median(times))
