"""What tuning a whole base needs of memory, said before it starts. Called by job.

An estimate, on the safe side, as `training.fit.memory` makes it for an adapter. Where the values that a backward pass
keeps do not fit, layers are computed again instead.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.engine import fingerprint
from server.engine.local.base import loader
from server.errors import BaseError
from training.fit.memory import KEPT_PER_TOKEN, KERNELS_BYTES, RUNTIME_BYTES, SHARE_MAX, free_bytes

STATE_BYTES = 16  # for each weight: fp32 itself, its gradient, AdamW's two moments
ANSWER_SHARE = 0.3  # of a line's tokens, those that predict an answer and so need logits


@dataclass(frozen=True, slots=True)
class TuneNeed:
    """Bytes. With `recompute` the step keeps only what goes into each layer."""

    state: int
    step: int
    kernels: int
    available: int
    recompute: bool

    @property
    def total(self) -> int:
        return self.state + self.step + self.kernels + RUNTIME_BYTES

    def __str__(self) -> str:
        parts = ("weights and optimiser", self.state), ("step", self.step), ("kernels", self.kernels)
        named = ", ".join(f"{name} {size / 1024**2:,.0f} MiB" for name, size in parts)
        again = ", layers computed twice" if self.recompute else ""
        total, free = self.total / 1024**2, self.available / 1024**2
        return f"about {total:,.0f} MiB of memory ({named}{again}), {free:,.0f} MiB free"


def estimate(
    folder: Path, config: Any, *, line_tokens: int, device: str, available: int | None = None
) -> TuneNeed:  # fmt: skip
    """What tuning the base in `folder` takes with passes of `line_tokens`. Raises BaseError (`base_too_large`)."""
    width = loader.preferred_dtype(device).itemsize
    weights = sum((folder / name).stat().st_size for name in fingerprint.weight_files(folder)) // 2  # stored in bf16
    intermediate = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    layer = line_tokens * (KEPT_PER_TOKEN[0] * config.hidden_size + KEPT_PER_TOKEN[1] * intermediate) * width
    logits = round(3 * ANSWER_SHARE * line_tokens) * config.vocab_size * 4
    inputs = config.num_hidden_layers * line_tokens * config.hidden_size * width
    free = free_bytes(device) if available is None else available
    needs = [
        TuneNeed(
            state=weights * (STATE_BYTES + (width if width < 4 else 0)), step=step + logits,
            kernels=KERNELS_BYTES if device == "cpu" and width < 4 else 0, available=free, recompute=recompute,
        )
        for step, recompute in ((config.num_hidden_layers * layer, False), (inputs + layer, True))
    ]  # fmt: skip
    fitting = next((need for need in needs if need.total <= free * SHARE_MAX), None)
    if fitting is None:
        raise BaseError(
            f"Tuning {folder.name} takes {needs[-1]}. Close other programs, choose a smaller base, or train an "
            "adapter, which needs a fraction of that.",
            code="base_too_large",
        )
    return fitting
