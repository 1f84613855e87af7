"""The machine under the figures: what it is, how fast its memory is, how much a process holds."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch

_ARRAY_BYTES = 512 * 1024**2  # far more than any cache holds
_PACKAGES = ("torch", "transformers", "peft", "safetensors", "tokenizers", "numpy")


def describe(*, threads: int, device: str) -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "threads": threads,
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def memory_roof(*, rounds: int, device: str = "cpu", array_bytes: int = _ARRAY_BYTES) -> dict[str, list[float]]:
    """GB/s of reading (a sum) and of copying (bytes read + written), as STREAM counts them, with torch's threads."""
    source = torch.ones(array_bytes // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    reading = [array_bytes / 1e9 / _seconds(lambda: source.sum(), device) for _ in range(rounds + 1)]
    copying = [2 * array_bytes / 1e9 / _seconds(lambda: target.copy_(source), device) for _ in range(rounds + 1)]
    return {"read": reading[1:], "copy": copying[1:]}


def best_gb_s(roof: dict[str, list[float]]) -> float:
    return max(statistics.median(values) for values in roof.values())


def resident_bytes(pid: int) -> int:
    """What the process holds in memory now (RSS)."""
    return int(psutil.Process(pid).memory_info().rss)


def _seconds(work: Callable[[], object], device: str) -> float:
    started = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        names = [line.partition(":")[2].strip() for line in listing.read_text().splitlines() if "model name" in line]
        return names[0] if names else platform.processor()
    return platform.processor()
