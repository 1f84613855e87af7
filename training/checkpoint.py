"""Saves and restores a training run as one safetensors file, written beside and renamed. No pickle. Called by fit."""

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

if TYPE_CHECKING:
    from training.fit import Fit


def save(fit: "Fit") -> None:
    """Weights, best weights, AdamW's moments and progress: all of the run, or the file before it."""
    tensors: dict[str, torch.Tensor] = {}
    for name, weight in fit.weights.items():
        moments = fit.optimiser.state[weight]
        tensors[f"weight.{name}"] = weight.detach()
        tensors[f"best.{name}"] = fit.best[name]
        tensors[f"first.{name}"] = moments["exp_avg"]
        tensors[f"second.{name}"] = moments["exp_avg_sq"]
    fit.file.parent.mkdir(parents=True, exist_ok=True)
    temporary = fit.file.with_name(fit.file.name + ".new")
    state = {"key": fit.key, "progress": asdict(fit.progress)}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, {"state": json.dumps(state)})
    with open(temporary, "rb") as written:
        os.fsync(written.fileno())
    os.replace(temporary, fit.file)


def load(fit: "Fit") -> bool:
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


def _restore(fit: "Fit", tensors: dict[str, torch.Tensor], *, steps: int) -> None:
    wanted = {f"{part}.{name}" for part in ("weight", "best", "first", "second") for name in fit.weights}
    if wanted != tensors.keys():
        raise KeyError("tensors")
    with torch.no_grad():
        for name, weight in fit.weights.items():
            weight.copy_(tensors[f"weight.{name}"])
            fit.best[name] = tensors[f"best.{name}"].to(weight.device)
            fit.optimiser.state[weight] = {
                "step": torch.tensor(float(steps)),
                "exp_avg": tensors[f"first.{name}"].to(weight.device),
                "exp_avg_sq": tensors[f"second.{name}"].to(weight.device),
            }
