"""Which way to hold a base's weights is fastest here, and what it costs: measured, then recorded for this processor.

A base that was published in 4-bit groups loses nothing by them: the first start measures in two seconds whether they
are faster (`runner_for`). Rounding costs accuracy: it is only chosen where `retinue doctor --weights` found the loss
on a short text within 2 % of the base's own (`measure_all`).
"""

import logging
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch.nn import functional as F
from transformers import AutoTokenizer

from server.engine.local.base import weights_record
from server.engine.local.base.loader import Base, load_base
from server.engine.local.base.weights_record import Choice, WeightsName
from server.engine.local.forward.groups import StoredGroups
from server.engine.local.forward.runner import Runner
from server.engine.local.forward.weights import WeightMode
from server.engine.local.scheduler import Row, Work
from server.settings import Settings

_log = logging.getLogger(__name__)

LOSS_SHARE_MAX = 0.02
TEXT = Path(__file__).with_name("heldout.txt")
_MODES: dict[WeightsName, WeightMode] = {"bf16": "wide", "int8": "int8", "int4": "int4"}
_DRAFTED = 2  # three tokens a step: as many as every narrow kernel still takes
_STEPS_MIN, _STEPS_MAX, _STEPS_S = 5, 40, 2.0  # of each kind; together in about so many seconds


@dataclass(frozen=True, slots=True)
class MeasuredWeights:
    """One way to hold the weights: mean loss in nats per token, median time of a step of three tokens in ms."""

    weights: WeightsName
    loss: float
    step_ms: float


def runner_for(base: Base, folder: Path, *, settings: Settings) -> Runner:
    """The base with its weights held as set; `auto`: as recorded for this base and processor, bf16 without a record.

    Where the base has its 4-bit groups and nothing is recorded, they are measured now. Raises BaseError.
    """
    stored = StoredGroups.open(folder, base.model.config)
    if settings.weights != "auto":
        return Runner(base, mode=_MODES[settings.weights], stored=stored)
    known = weights_record.read(settings.config_dir, fingerprint=base.info.fingerprint, threads=settings.threads)
    if known is not None and known.wide == _wide(base):
        return Runner(base, mode=_MODES[known.weights], stored=stored)
    if stored is None or base.model.device.type != "cpu":
        return Runner(base)
    runner = Runner(base, mode="int4", stored=stored)
    step_ms = _time_exact(runner)
    chosen = min(step_ms, key=lambda name: step_ms[name])
    _record(base, chosen, step_ms, tokens=1, config_dir=settings.config_dir, threads=settings.threads)
    return runner if chosen == "int4" else Runner(base)


def measure_all(folder: Path, *, config_dir: Path, threads: int) -> tuple[list[MeasuredWeights], WeightsName]:
    """Measure every mode, record the fastest whose loss is within 2 % of the base's, and name it. Raises BaseError."""
    torch.set_num_threads(threads)
    ids = AutoTokenizer.from_pretrained(folder, local_files_only=True).encode(TEXT.read_text(encoding="utf-8"))
    measured = []
    for name, mode in _MODES.items():
        base = load_base(folder)
        stored = StoredGroups.open(folder, base.model.config)
        measured.append(_measure(name, Runner(base, mode=mode, stored=stored), ids))
    limit = measured[0].loss * (1 + LOSS_SHARE_MAX)
    chosen = min((one for one in measured if one.loss <= limit), key=lambda one: one.step_ms).weights
    step_ms = {one.weights: one.step_ms for one in measured}
    _record(base, chosen, step_ms, tokens=1 + _DRAFTED, config_dir=config_dir, threads=threads)
    return measured, chosen


def _record(
    base: Base, chosen: WeightsName, step_ms: dict[WeightsName, float], *, tokens: int, config_dir: Path, threads: int
) -> None:
    rounded = {name: round(ms, 2) for name, ms in step_ms.items()}
    choice = Choice(base=base.info.name, weights=chosen, wide=_wide(base), tokens=tokens, step_ms=rounded)
    try:
        weights_record.write(config_dir, choice, fingerprint=base.info.fingerprint, threads=threads)
    except OSError as error:
        _log.warning("the measured weights could not be recorded in %s: %s", config_dir, error.strerror)


def _wide(base: Base) -> Literal["bf16", "fp32"]:
    return "bf16" if base.model.dtype == torch.bfloat16 else "fp32"


def _time_exact(runner: Runner) -> dict[WeightsName, float]:
    """Median ms of a one-token step, wide and with the base's groups, in turns: other work slows both."""
    row = Row(ids=[0, 0], activation=2, emit=lambda event: None)
    row.tail = runner.new_tail(2)
    times: dict[WeightsName, list[float]] = {"bf16": [], "int4": []}
    began = time.perf_counter()
    for count in range(_STEPS_MAX + 1):
        for name, measured in times.items():
            runner.answer_narrow(name == "int4")
            started = time.perf_counter()
            runner.step([Work(row, 1)])
            if count:  # the first one warms up
                measured.append(1e3 * (time.perf_counter() - started))
        if count >= _STEPS_MIN and time.perf_counter() - began > _STEPS_S:
            break
    row.tail.free()
    runner.answer_narrow(True)
    return {name: statistics.median(measured) for name, measured in times.items()}


def _measure(name: WeightsName, runner: Runner, ids: list[int]) -> MeasuredWeights:
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
    return MeasuredWeights(name, nats / counted, 1e3 * statistics.median(times))
