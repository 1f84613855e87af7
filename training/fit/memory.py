"""What a run needs of memory, said before it starts, and layers that are computed twice to need less. Called by make.

An estimate, on the safe side: weights, the adapter with its optimiser, page KV, and what a backward pass keeps.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import torch
from peft import PeftModel
from torch.utils.checkpoint import checkpoint
from transformers import AutoConfig
from transformers.modeling_layers import GradientCheckpointingLayer

from server.engine import fingerprint
from server.engine.local.base import loader
from server.errors import BaseError
from training.dataset.render import Rendered
from training.recipe import Recipe

RUNTIME_BYTES = 700 * 1024**2  # the libraries themselves, and what their allocator keeps
KERNELS_BYTES = 1_600 * 1024**2  # oneDNN on a processor in bfloat16: programs of the last 1,024 shapes (1.1 to 1.6 GB)
LOADING_BYTES_PER_BYTE = 1.2  # while weights are read, part of them is there twice
KEPT_PER_TOKEN = 14, 4  # values that a layer keeps for its backward pass, in hidden and in intermediate sizes
PAGES_SHARE = 0.25  # of the free memory that the KV of pages may take, within these bounds
PAGES_BYTES_MIN, PAGES_BYTES_MAX = 1024**3, 8 * 1024**3
SHARE_MAX = 0.9  # of the free memory that a run may take
ADAPTER_COPIES = 5  # weight, gradient, two moments, the best so far: four bytes each


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes. `available` is what the device has free now."""

    weights: int
    adapter: int
    page_kv: int
    step: int
    available: int
    kernels: int = 0

    @property
    def total(self) -> int:
        return self.weights + self.adapter + self.page_kv + self.step + self.kernels + RUNTIME_BYTES

    def __str__(self) -> str:
        parts = (self.weights, self.adapter, self.page_kv, self.step, self.kernels)
        named = ", ".join(
            f"{name} {_mib(size)}"
            for name, size in zip(("base", "adapter", "pages", "step", "kernels"), parts, strict=True)
        )
        return f"about {_mib(self.total)} of memory ({named}), {_mib(self.available)} free"


def estimate(
    folder: Path, recipe: Recipe, rows: Sequence[Rendered], *, device: str, available: int | None = None
) -> Need:
    """What training `rows` on the base in `folder` takes. Raises BaseError (`base_unreadable`)."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        stored = sum((folder / name).stat().st_size for name in fingerprint.weight_files(folder))
    except (OSError, ValueError, KeyError) as error:
        raise BaseError(f"The base model {folder.name} cannot be read: {error}", code="base_unreadable") from error
    wanted = {"float32": torch.float32, "bfloat16": torch.bfloat16}.get(recipe.dtype) or loader.preferred_dtype(device)
    width = wanted.itemsize
    hidden, layers, heads = config.hidden_size, config.num_hidden_layers, config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    head_dim = getattr(config, "head_dim", None) or hidden // heads
    intermediate = getattr(config, "intermediate_size", None) or 4 * hidden
    sides = {"q_proj": hidden + heads * head_dim, "o_proj": hidden + heads * head_dim} | dict.fromkeys(
        ("k_proj", "v_proj"), hidden + kv_heads * head_dim
    )
    adapter = layers * recipe.rank * sum(sides.get(target, hidden + intermediate) for target in recipe.targets)
    prefixes = {row.prefix for row in rows}
    page_kv = sum(map(len, prefixes)) * layers * 2 * kv_heads * head_dim * width
    longest = sorted(rows, key=lambda row: len(row.suffix))[-recipe.batch :]
    tokens = len(longest) * len(longest[-1].suffix)
    reach = max(len(row.prefix) + len(row.suffix) for row in longest)
    layer = tokens * (KEPT_PER_TOKEN[0] * hidden + KEPT_PER_TOKEN[1] * intermediate + heads * reach) * width
    kept = layer + layers * tokens * hidden * width if recipe.checkpointing else layers * layer
    scores = 4 * len(longest[-1].suffix) * heads * reach * width  # of one row in one layer, before and after softmax
    logits = 3 * len(longest) * max(row.answer_tokens for row in longest) * config.vocab_size * 4
    available = free_bytes(device) if available is None else available
    return Need(
        weights=int(stored * _stored_to(width, stored, folder) * LOADING_BYTES_PER_BYTE),
        adapter=adapter * 4 * ADAPTER_COPIES, step=kept + scores + logits,
        page_kv=min(page_kv, page_cache_bytes(available)), available=available,
        kernels=KERNELS_BYTES if device == "cpu" and wanted == torch.bfloat16 else 0,
    )  # fmt: skip


def check_fits(need: Need, *, base: str) -> None:
    """Raises BaseError (`base_too_large`), with what would help."""
    if need.total > need.available * SHARE_MAX:
        raise BaseError(
            f"Training on {base} takes {need}. Close other programs, take a recipe with a smaller batch, "
            'dtype = "bfloat16" or checkpointing = true, or choose a smaller base.',
            code="base_too_large",
        )


def page_cache_bytes(available: int) -> int:
    """How much KV of pages is kept from step to step, by the free memory. A page of 1,500 tokens takes 34 MB of
    SmolLM2-135M, and a category has some hundred: with room for half of them every second row reads its page again.
    """
    return min(PAGES_BYTES_MAX, max(PAGES_BYTES_MIN, int(available * PAGES_SHARE)))


def free_bytes(device: str) -> int:
    """What could be taken now: of the CUDA device, else of the machine and of the control group around us."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    found: list[int] = [psutil.virtual_memory().available]
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
        found += [int(limit) - used] if limit != "max" else []
    except (OSError, ValueError):
        pass
    return max(0, min(found))


@contextmanager
def checkpointed(model: PeftModel, *, on: bool) -> Iterator[None]:
    """Within it a training forward keeps only the layers' inputs; the backward pass belongs inside as well."""
    layers = [layer for layer in model.modules() if isinstance(layer, GradientCheckpointingLayer)] if on else []
    for layer in layers:
        layer.gradient_checkpointing = True
        layer._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)
    try:
        yield
    finally:
        for layer in layers:
            layer.gradient_checkpointing = False


def _stored_to(width: int, stored: int, folder: Path) -> float:
    """How much larger the weights are in memory than on disk, judged by the first tensor's type."""
    from safetensors import safe_open

    if not stored:
        return 1.0
    with safe_open(folder / fingerprint.weight_files(folder)[0], "pt") as tensors:
        first = next(iter(tensors.keys()))
        kind = tensors.get_slice(first).get_dtype()
    return width / {"F32": 4, "BF16": 2, "F16": 2}.get(kind, width)


def _mib(size: int) -> str:
    return f"{size / 1024**2:,.0f} MiB"
