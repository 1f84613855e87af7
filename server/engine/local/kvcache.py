"""KV of token sequences as a tree of shared segments, exact to the token.

A segment holds the keys and values of a run of tokens that follow its parent's. Roots are kinds: `base` for KV
that the base model wrote, an adapter's digest for KV that it wrote from the first token on (plain LoRA); KV of
one kind is never found under another. Tokens are compared, not hashed. Single-threaded: the engine thread owns it.
"""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from server.engine.local.forward.tails import Tail
from server.errors import RunError

BASE_KIND = "base"
MAPPED_BYTES_MIN = 1024**2
_PRIVATE: dict[str, Any] = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}  # Windows has no flags
)


class NoRoom(RunError):
    """The budget of bytes has no room for a row's KV, whatever is evicted."""

    default_code = "run_memory"


@dataclass(eq=False, slots=True)
class Segment:
    """keys, values: [layers, kv heads, tokens, head dim]. `leases` counts the open pages and running rows on it."""

    ids: tuple[int, ...]
    keys: Tensor
    values: Tensor
    parent: "Segment | None" = None
    children: list["Segment"] = field(default_factory=list)
    leases: int = 0
    used_at: int = 0

    @property
    def bytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    def path(self) -> list["Segment"]:
        """From the first tokens to this segment, the empty root left out."""
        path: list[Segment] = []
        node: Segment | None = self
        while node is not None and node.parent is not None:
            path.append(node)
            node = node.parent
        return path[::-1]


class SegmentTree:
    """Finds, adds, leases and evicts segments within a budget of bytes."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._roots: dict[str, Segment] = {}
        self._clock = 0

    def match(self, kind: str, ids: Sequence[int]) -> tuple[Segment | None, int]:
        """The deepest segment whose path is a prefix of `ids`, split when it agrees in part; and the tokens matched."""
        root = self._roots.get(kind)
        if root is None:
            return None, 0
        node, matched = root, 0
        while True:
            child, agreed = _best_child(node, ids, matched)
            if child is None:
                break
            if agreed < len(child.ids):
                child = self._split(child, agreed)
            node, matched = child, matched + agreed
        self._touch(node)
        return (node, matched) if matched else (None, 0)

    def add(self, kind: str, parent: Segment | None, ids: Sequence[int], tail: Tail, *, start: int = 0) -> Segment:
        """Hang the tail's tokens [start, start + len(ids)) under `parent` (or the kind's root). Room is made first."""
        node = parent or self._roots.setdefault(kind, _empty_root(tail))
        taken = slice(start, start + len(ids))
        segment = Segment(tuple(ids), kept_copy(tail.keys[:, :, taken]), kept_copy(tail.values[:, :, taken]), node)
        node.leases += 1
        self.evict(segment.bytes)
        node.leases -= 1
        node.children.append(segment)
        self._touch(segment)
        return segment

    def lease(self, segment: Segment) -> None:
        segment.leases += 1

    def release(self, segment: Segment) -> None:
        if segment.leases <= 0:
            raise ValueError("a segment was released more often than leased")
        segment.leases -= 1

    def evict(self, room: int = 0) -> None:
        """Drop unleased leaves, least recently used first, until `room` more bytes fit."""
        while self.bytes + room > self.bytes_max:
            leaves = [s for s in self.segments() if not s.children and not s.leases]
            if not leaves:
                return
            oldest = min(leaves, key=lambda segment: segment.used_at)
            assert oldest.parent is not None  # noqa: S101 - segments() leaves roots out
            oldest.parent.children.remove(oldest)
            _compact_above(oldest)

    def in_use(self, segment: Segment, *, leases: int) -> bool:
        """Whether more than `leases` hold the segment, or anything hangs on one that is held below it."""
        if segment.leases > leases:
            return True
        below = list(segment.children)
        while below:
            child = below.pop()
            if child.leases:
                return True
            below += child.children
        return False

    def segments(self) -> Iterator[Segment]:
        stack = [child for root in self._roots.values() for child in root.children]
        while stack:
            segment = stack.pop()
            stack += segment.children
            yield segment

    @property
    def bytes(self) -> int:
        return sum(segment.bytes for segment in self.segments())

    def _split(self, segment: Segment, at: int) -> Segment:
        """Cut `segment` before its token `at`; the upper half is new, so leases on the lower half hold both."""
        assert segment.parent is not None  # noqa: S101 - a root is never split
        upper = Segment(segment.ids[:at], segment.keys[:, :, :at], segment.values[:, :, :at], segment.parent, [segment])
        siblings = segment.parent.children
        siblings[siblings.index(segment)] = upper
        segment.ids, segment.parent = segment.ids[at:], upper
        segment.keys, segment.values = segment.keys[:, :, at:], segment.values[:, :, at:]
        upper.used_at = segment.used_at
        return upper

    def _touch(self, segment: Segment) -> None:
        self._clock += 1
        for node in segment.path():
            node.used_at = self._clock


@torch.inference_mode()
def kept_copy(tensor: Tensor) -> Tensor:
    """A contiguous copy for long: a large one on a processor has a mapping of its own, all of which goes back to the
    system as soon as nobody holds it. In the heap, KV of pages of all lengths would leave holes that fit no other.
    """
    if tensor.device.type != "cpu" or tensor.nbytes < MAPPED_BYTES_MIN:
        return tensor.clone(memory_format=torch.contiguous_format)
    memory = mmap.mmap(-1, tensor.nbytes, **_PRIVATE)
    return torch.frombuffer(memory, dtype=tensor.dtype).view(tensor.shape).copy_(tensor)


def _compact_above(dropped: Segment) -> None:
    """Segments above that were split off from it are views of its memory and would hold all of it: they are copied."""
    memory, node = dropped.keys.untyped_storage().data_ptr(), dropped.parent
    while node is not None and node.keys.untyped_storage().data_ptr() == memory:
        node.keys, node.values = kept_copy(node.keys), kept_copy(node.values)
        node = node.parent


def _best_child(node: Segment, ids: Sequence[int], at: int) -> tuple[Segment | None, int]:
    for child in node.children:
        agreed = 0
        for mine, wanted in zip(child.ids, ids[at:], strict=False):
            if mine != wanted:
                break
            agreed += 1
        if agreed:
            return child, agreed
    return None, 0


def _empty_root(tail: Tail) -> Segment:
    return Segment((), tail.keys[:, :, :0].clone(), tail.values[:, :, :0].clone())  # a view would hold the slab
