"""KV that rows are writing. Rows of like length share a slab, so that one call attends for all of them.

A slab has room for a power of two of tokens in each slot; a row that outgrows its slab moves to the next. Freed
room is zeroed: what is left of one answer, even when it is not a number, can never reach another.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

CAPACITY_MIN = 256
KEPT_CAPACITY = 1024  # slabs up to this size stay in memory when they are empty


@dataclass(frozen=True, slots=True)
class KvShape:
    """What one token's KV looks like, and where it lives."""

    layers: int
    heads: int
    dim: int
    dtype: torch.dtype
    device: torch.device

    @property
    def token_bytes(self) -> int:
        return 2 * self.layers * self.heads * self.dim * self.dtype.itemsize


class Slab:
    """keys, values: [layers, slots, kv heads, capacity, head dim]. Slots are taken from the front."""

    @torch.inference_mode()
    def __init__(self, shape: KvShape, *, capacity: int) -> None:
        self.capacity = capacity
        self.taken: list[bool] = [False]
        self.keys = torch.zeros(
            shape.layers, 1, shape.heads, capacity, shape.dim, dtype=shape.dtype, device=shape.device
        )
        self.values = torch.zeros_like(self.keys)

    @torch.inference_mode()
    def take(self) -> int:
        """The first free slot; slots double when there is none. Raises RuntimeError when memory is short."""
        if all(self.taken):
            self.keys = torch.cat([self.keys, torch.zeros_like(self.keys)], dim=1)
            self.values = torch.cat([self.values, torch.zeros_like(self.values)], dim=1)
            self.taken += [False] * len(self.taken)
        slot = self.taken.index(False)
        self.taken[slot] = True
        return slot

    @torch.inference_mode()
    def free(self, slot: int, *, tokens: int) -> None:
        self.keys[:, slot, :, :tokens] = 0
        self.values[:, slot, :, :tokens] = 0
        self.taken[slot] = False


class Tail:
    """One row's slot. `length` counts committed tokens; what follows them is being written."""

    def __init__(self, pool: "TailPool", slab: Slab) -> None:
        self._pool, self.slab, self.slot = pool, slab, slab.take()
        self.length = 0
        self._written = 0

    @property
    def keys(self) -> Tensor:
        """[layers, kv heads, capacity, head dim]"""
        return self.slab.keys[:, self.slot]

    @property
    def values(self) -> Tensor:
        return self.slab.values[:, self.slot]

    @torch.inference_mode()
    def reserve(self, tokens: int) -> None:
        """Make room for `tokens` more after the committed ones."""
        needed = self.length + tokens
        if needed > self.slab.capacity:
            old_slab, old_slot, keys, values = self.slab, self.slot, self.keys, self.values
            self.slab = self._pool.slab(needed)
            self.slot = self.slab.take()
            self.keys[:, :, : self.length] = keys[:, :, : self.length]
            self.values[:, :, : self.length] = values[:, :, : self.length]
            old_slab.free(old_slot, tokens=self._written)
            self._pool.drop_empty()
        self._written = max(self._written, needed)

    def free(self) -> None:
        """Give the slot back. The tail must not be used again."""
        self.slab.free(self.slot, tokens=self._written)
        self._pool.drop_empty()


class TailPool:
    """All slabs of one engine, by capacity. Single-threaded: the engine thread owns it."""

    def __init__(self, shape: KvShape) -> None:
        self._shape = shape
        self._slabs: dict[int, Slab] = {}

    def take(self, tokens: int) -> Tail:
        """A tail with room for `tokens`. Raises RuntimeError when memory is short."""
        return Tail(self, self.slab(tokens))

    def slab(self, tokens: int) -> Slab:
        capacity = self._capacity(tokens)
        if capacity not in self._slabs:
            self._slabs[capacity] = Slab(self._shape, capacity=capacity)
        return self._slabs[capacity]

    @staticmethod
    def _capacity(tokens: int) -> int:
        return max(CAPACITY_MIN, 1 << (tokens - 1).bit_length())

    def drop_empty(self) -> None:
        """Give the memory of large slabs back as soon as no row uses them."""
        for capacity, slab in list(self._slabs.items()):
            if capacity > KEPT_CAPACITY and not any(slab.taken):
                del self._slabs[capacity]

    def bytes_for(self, tokens: int) -> int:
        """What a tail with room for `tokens` takes."""
        return self._capacity(tokens) * self._shape.token_bytes

    @property
    def bytes(self) -> int:
        """Of the slots in use."""
        taken = sum(sum(slab.taken) * slab.capacity for slab in self._slabs.values())
        return taken * self._shape.token_bytes

    @property
    def rows(self) -> int:
        """Slots in use."""
        return sum(sum(slab.taken) for slab in self._slabs.values())
