"""Saves and restores a training run as one safetensors file, written to a temporary file and renamed.

No pickle. Called by fit, tune and general.
"""

import errno
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file


class Resumable(Protocol):
    """What is kept of a run. `best` may be empty; `progress` is a dataclass of plain values that counts its `step`s."""

    weights: dict[str, torch.nn.Parameter]
    best: dict[str, torch.Tensor]
    optimiser: torch.optim.AdamW
    progress: Any
    file: Path
    key: str


def save(fit: Resumable) -> None:
    """Weights, best weights, AdamW's moments and progress: all of the run, or the file before it."""
    tensors: dict[str, torch.Tensor] = {}
    for name, weight in fit.weights.items():
        moments = fit.optimiser.state[weight]
        tensors[f"weight.{name}"] = weight.detach()
        tensors[f"first.{name}"] = moments["exp_avg"]
        tensors[f"second.{name}"] = moments["exp_avg_sq"]
    tensors |= {f"best.{name}": weight for name, weight in fit.best.items()}
    fit.file.parent.mkdir(parents=True, exist_ok=True)
    temporary = fit.file.with_name(fit.file.name + ".new")
    state = {"key": fit.key, "progress": asdict(fit.progress)}
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    write_tensors(contiguous, temporary, metadata={"state": json.dumps(state)})
    with open(temporary, "rb") as written:
        os.fsync(written.fileno())
    os.replace(temporary, fit.file)


def write_tensors(tensors: dict[str, torch.Tensor], file: Path, *, metadata: dict[str, str]) -> None:
    """Raises OSError, also for what the library reports in its own way."""
    try:
        save_file(tensors, file, metadata)
    except SafetensorError as error:
        full = "No space left" in str(error) or "StorageFull" in str(error)
        number = errno.ENOSPC if full else errno.EIO
        raise OSError(number, os.strerror(number), str(file)) from error


def load(fit: Resumable) -> bool:
    """Go on from the file; False when there is none, it is damaged, or it belongs to another run."""
    if not fit.file.exists():
        return False
    try:
        with safe_open(fit.file, "pt") as file:
            state = json.loads(file.metadata()["state"])
            if state["key"] != fit.key:
                return False
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            progress = type(fit.progress)(**state["progress"])
            _restore(fit, tensors, steps=progress.step)
    except (SafetensorError, KeyError, ValueError, TypeError, OSError):
        return False
    fit.progress = progress
    return True


def _restore(fit: Resumable, tensors: dict[str, torch.Tensor], *, steps: int) -> None:
    wanted = {f"{part}.{name}" for part in ("weight", "first", "second") for name in fit.weights}
    if wanted | {f"best.{name}" for name in fit.best} != tensors.keys():
        raise KeyError("tensors")
    with torch.no_grad():
        for name, weight in fit.weights.items():
            weight.copy_(tensors[f"weight.{name}"])
            if name in fit.best:
                fit.best[name] = tensors[f"best.{name}"].to(weight.device)
            fit.optimiser.state[weight] = {
                "step": torch.tensor(float(steps)),
                "exp_avg": tensors[f"first.{name}"].to(weight.device),
                "exp_avg_sq": tensors[f"second.{name}"].to(weight.device),
            }
