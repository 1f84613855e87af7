"""Many adapters over one base: each token adds its own adapter's low-rank product, base weights are never touched.

A step names the adapters that it uses; their A matrices are stacked into one GEMM, a 0/1 mask keeps each token's
own rows, and one GEMM with the stacked B adds the result (Punica and S-LoRA gather instead; on a CPU stacking wins).
Linears that read the same input form a group (q, k, v; gate, up) and share both GEMMs: their B is block-diagonal.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from server.engine import AdapterRef
from server.engine.local.base.adapter import AdapterWeights
from server.engine.local.base.loader import Linears
from server.engine.local.forward.weights import Linear, hold

STACKS_HELD = 4

FusedModules = Mapping[str, tuple[str, ...]]  # group name -> modules whose outputs follow one another


@dataclass(frozen=True, slots=True)
class Stack:
    """Several adapters side by side: the ranks [start, end) that each one has, and A and B for every group."""

    ranks: dict[str, tuple[int, int]]
    width: int
    groups: dict[str, tuple[Linear, Linear, int]]  # A, B, number of modules


class LoraPlan:
    """The adapters of the current step. Linears add what it says; the engine thread sets it before a forward."""

    def __init__(self, groups: FusedModules, linears: Linears) -> None:
        self._groups, self._linears = groups, linears
        self._held: OrderedDict[tuple[str, ...], Stack] = OrderedDict()
        self._stack: Stack | None = None
        self._mask: Tensor | None = None  # [tokens, width]; None when every token uses all of the stack

    def set(self, adapters: Sequence[AdapterWeights | None], like: Tensor) -> None:
        """adapters: one for each packed token, None where the base acts alone."""
        distinct = {adapter.digest: adapter for adapter in adapters if adapter is not None}
        if not distinct:
            self._stack = None
            return
        stack = self._stack = self._find(distinct)
        if len(stack.ranks) == 1 and None not in adapters:
            self._mask = None
            return
        mask = torch.zeros(len(adapters), stack.width, dtype=like.dtype)
        for token, adapter in enumerate(adapters):
            if adapter is not None:
                start, end = stack.ranks[adapter.digest]
                mask[token, start:end] = 1
        self._mask = mask.to(like.device, non_blocking=True)

    def add(self, group: str, x: Tensor, y: Tensor) -> Tensor:
        """y [tokens, out of the group] plus what each token's adapter makes of x [tokens, in]."""
        found = self._stack.groups.get(group) if self._stack is not None else None
        if found is None:
            return y
        a, b, modules = found
        low = a(x)
        if self._mask is not None:
            low = (low.view(low.shape[0], modules, -1) * self._mask.unsqueeze(1)).flatten(1)
        return b(low, y)

    def _find(self, wanted: dict[str, AdapterWeights]) -> Stack:
        """A stack that holds all of `wanted` and is at most twice as wide: rows that end do not restack the others."""
        for order, stack in reversed(self._held.items()):
            if wanted.keys() <= stack.ranks.keys() and len(order) <= 2 * len(wanted):
                self._held.move_to_end(order)
                return stack
        stack = self._held[tuple(sorted(wanted))] = self._build([wanted[digest] for digest in sorted(wanted)])
        while len(self._held) > STACKS_HELD:
            self._held.popitem(last=False)
        return stack

    def _build(self, adapters: list[AdapterWeights]) -> Stack:
        ranks, width = {}, 0
        for adapter in adapters:
            ranks[adapter.digest] = (width, width := width + adapter.rank)
        groups = {
            group: self._side_by_side(modules, adapters, width)
            for group, modules in self._groups.items()
            if any(module in adapter.modules for module in modules for adapter in adapters)
        }
        return Stack(ranks, width, groups)

    def _side_by_side(
        self, modules: tuple[str, ...], adapters: list[AdapterWeights], width: int
    ) -> tuple[Linear, Linear, int]:
        shapes = [self._linears[module] for module in modules]
        a = torch.zeros(len(modules) * width, shapes[0].in_features, dtype=shapes[0].dtype, device=shapes[0].device)
        b = torch.zeros(sum(shape.out_features for shape in shapes), len(a), dtype=a.dtype, device=a.device)
        rank = out = 0
        for module, shape in zip(modules, shapes, strict=True):
            for adapter in adapters:
                pair = adapter.modules.get(module)
                if pair is not None:
                    a[rank : rank + adapter.rank] = pair[0]
                    b[out : out + shape.out_features, rank : rank + adapter.rank] = pair[1]
                rank += adapter.rank
            out += shape.out_features
        return hold(a), hold(b), len(modules)


class LoraLinear(nn.Module):
    """A base linear and whatever the plan adds to it: a group of its own."""

    def __init__(self, linear: nn.Linear, name: str, plan: LoraPlan) -> None:
        super().__init__()
        self.linear, self.name, self.plan = linear, name, plan

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(x)
        return self.plan.add(self.name, x.flatten(0, -2), y.flatten(0, -2)).view(y.shape)


def wrap_linears(model: nn.Module, linears: Linears, plan: LoraPlan) -> None:
    """Put a LoraLinear in the place of each named linear."""
    for name in linears:
        parent, _, last = name.rpartition(".")
        module = model.get_submodule(name)
        assert isinstance(module, nn.Linear)  # noqa: S101 - the loader listed linears
        setattr(model.get_submodule(parent), last, LoraLinear(module, name, plan))


class ResidentAdapters:
    """Least-recently-used adapters in memory, by digest, within a budget of bytes."""

    def __init__(self, read: Callable[[AdapterRef], AdapterWeights], *, bytes_max: int) -> None:
        self._read, self._bytes_max = read, bytes_max
        self._held: OrderedDict[str, AdapterWeights] = OrderedDict()
        self.bytes = 0

    def get(self, ref: AdapterRef) -> AdapterWeights:
        """From memory, else from disk. The one just asked for is kept even when it alone is over the budget.

        Raises CopilotError.
        """
        held = self._held.get(ref.digest)
        if held is None:
            held = self._held[ref.digest] = self._read(ref)
            self.bytes += held.bytes
        self._held.move_to_end(ref.digest)
        while self.bytes > self._bytes_max and len(self._held) > 1:
            self.bytes -= self._held.popitem(last=False)[1].bytes
        return held

    def __len__(self) -> int:
        return len(self._held)
