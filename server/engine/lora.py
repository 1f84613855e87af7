"""Many adapters over one base: each token adds its own adapter's low-rank product, base weights are never touched.

A step names the adapters that it uses; their A matrices are stacked into one GEMM, a 0/1 mask keeps each token's
own rows, and one GEMM with the stacked B adds the result (Punica and S-LoRA gather instead; on a CPU stacking wins).
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from server.engine import AdapterRef
from server.engine.loader import AdapterWeights


class LoraPlan:
    """The adapters of the current step. Every LoraLinear reads it; the engine thread sets it before a forward."""

    def __init__(self) -> None:
        self.mask: Tensor | None = None  # [1, tokens, stacked ranks], None when every token is the base's own
        self._stacks: dict[str, tuple[Tensor, Tensor]] = {}
        self._stacked: tuple[str, ...] = ()

    def set(self, adapters: Sequence[AdapterWeights | None], like: Tensor) -> None:
        """adapters: one for each packed token, None where the base acts alone."""
        distinct = {adapter.digest: adapter for adapter in adapters if adapter is not None}
        if not distinct:
            self.mask = None
            return
        order = tuple(sorted(distinct))
        if order != self._stacked:
            self._stack([distinct[digest] for digest in order])
            self._stacked = order
        offsets, width = {}, 0
        for digest in order:
            offsets[digest] = (width, width := width + distinct[digest].rank)
        mask = torch.zeros(1, len(adapters), width, dtype=like.dtype, device=like.device)
        for token, adapter in enumerate(adapters):
            if adapter is not None:
                start, end = offsets[adapter.digest]
                mask[0, token, start:end] = 1
        self.mask = mask

    def stack(self, module: str) -> tuple[Tensor, Tensor] | None:
        return self._stacks.get(module)

    def _stack(self, adapters: list[AdapterWeights]) -> None:
        self._stacks = {}
        for name in {name for adapter in adapters for name in adapter.modules}:
            some_a, some_b = next(adapter.modules[name] for adapter in adapters if name in adapter.modules)
            pairs = [
                adapter.modules.get(name)
                or (some_a.new_zeros(adapter.rank, some_a.shape[1]), some_b.new_zeros(some_b.shape[0], adapter.rank))
                for adapter in adapters
            ]
            self._stacks[name] = (torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs], dim=1))


class LoraLinear(nn.Module):
    """A base linear and whatever the plan adds to it."""

    def __init__(self, linear: nn.Linear, name: str, plan: LoraPlan) -> None:
        super().__init__()
        self.linear, self.name, self.plan = linear, name, plan

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(x)
        mask, stack = self.plan.mask, self.plan.stack(self.name)
        if mask is None or stack is None:
            return y
        a, b = stack
        return y + F.linear(F.linear(x, a) * mask, b)


def wrap_linears(model: nn.Module, linears: dict[str, nn.Linear], plan: LoraPlan) -> None:
    """Put a LoraLinear in the place of each named linear."""
    for name, linear in linears.items():
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, LoraLinear(linear, name, plan))


class ResidentAdapters:
    """Least-recently-used adapters in memory, by digest."""

    def __init__(self, read: Callable[[AdapterRef], AdapterWeights], *, count_max: int) -> None:
        self._read, self._count_max = read, count_max
        self._held: OrderedDict[str, AdapterWeights] = OrderedDict()

    def get(self, ref: AdapterRef) -> AdapterWeights:
        """From memory, else from disk. Raises CopilotError."""
        held = self._held.pop(ref.digest, None) or self._read(ref)
        self._held[ref.digest] = held
        while len(self._held) > self._count_max:
            self._held.popitem(last=False)
        return held

    def __len__(self) -> int:
        return len(self._held)
