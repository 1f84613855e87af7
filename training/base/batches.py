"""Rows -> batches of tensors, and what each token may see. Used by `pretrain` and `evaluate`.

A line of a batch holds one row, padded (CPU), or as many as fit (GPU), which keeps every batch the same shape.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.base.rows import Rows

LINE = 16_384  # tokens of a packed line; a row is shorter than a third of it

Item = TypeVar("Item")


class Batch(NamedTuple):
    """Each is [lines, tokens]. A token sees the tokens before it that have its owner or its page as theirs."""

    ids: Tensor
    kinds: Tensor  # see `rows`
    owners: Tensor  # number of the page or branch that a token belongs to, within its line
    pages: Tensor  # number of the page that it reads
    positions: Tensor  # every branch starts where its page ends

    def to(self, device: str | torch.device) -> "Batch":
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in self))

    @property
    def visible(self) -> Tensor:
        """[lines, tokens, tokens]: whether a query sees a key."""
        own = self.owners[:, :, None] == self.owners[:, None, :]
        read = self.pages[:, :, None] == self.owners[:, None, :]
        return (own | read).tril()


def pack(rows: Rows, lines: Sequence[Sequence[int]], *, tokens: int) -> Batch:
    """The rows with these numbers, end to end in each line; what is left of a line belongs to nobody."""
    kinds = (np.int64, np.uint8, np.int32, np.int32, np.int64)
    arrays = [np.zeros((len(lines), tokens), dtype=kind) for kind in kinds]
    ids, kinds_of, owners, pages, positions = arrays
    for line, numbers in enumerate(lines):
        at, owner = 0, 1  # owner 0 is the padding
        for row in numbers:
            start, end = int(rows.starts[row]), int(rows.starts[row + 1])
            here = (line, slice(at, at + end - start))
            branches = rows.branches[start:end].astype(np.int32)
            ids[here], kinds_of[here] = rows.ids[start:end], rows.kinds[start:end]
            owners[here], pages[here] = owner + branches, owner
            positions[here] = _positions(branches)
            at, owner = at + end - start, owner + int(branches[-1]) + 1
    return Batch(*map(torch.from_numpy, arrays))


def _positions(branches: NDArray[np.int32]) -> NDArray[np.int64]:
    places = np.arange(len(branches))
    changed = np.diff(branches, prepend=branches[0]) != 0
    branch_starts = np.maximum.accumulate(np.where(changed, places, 0))
    page = int((branches == 0).sum())
    return np.where(branches == 0, places, page + places - branch_starts)


def padded(parts: Sequence[Rows], batch_tokens: int, *, seed: int) -> Iterator[Batch]:
    """Endless epochs: rows of like length go together, one a line; a part's batches come in random order."""
    for epoch, rows in _epochs(parts):
        generator = np.random.default_rng((seed, epoch))
        order = np.argsort(rows.lengths * generator.uniform(0.9, 1.1, len(rows)), kind="stable")
        cuts, longest = [0], 0
        for at, length in enumerate(rows.lengths[order]):
            longest = max(longest, int(length))
            if at > cuts[-1] and longest * (at + 1 - cuts[-1]) > batch_tokens:
                cuts.append(at)
                longest = int(length)
        groups = np.split(order, cuts[1:])
        for number in generator.permutation(len(groups)):
            yield pad(rows, groups[number])


def pad(rows: Rows, numbers: Sequence[int] | NDArray[np.int64]) -> Batch:
    """One row a line, padded on the right to a common length."""
    longest = math.ceil(max(int(rows.lengths[number]) for number in numbers) / 32) * 32
    return pack(rows, [[int(number)] for number in numbers], tokens=longest)


def packed(parts: Sequence[Rows], batch_tokens: int, *, seed: int, line: int = LINE) -> Iterator[Batch]:
    """Endless epochs: a part's rows in random order, line after line. Of a part with several batches, the rows that
    fill no whole one are left out.
    """
    count = max(1, batch_tokens // line)
    for epoch, rows in _epochs(parts):
        lines: list[list[int]] = [[]]
        room, made = line, 0
        for row in np.random.default_rng((seed, epoch)).permutation(len(rows)):
            if rows.lengths[row] > room:
                if len(lines) == count:
                    yield pack(rows, lines, tokens=line)
                    lines, made = [], made + 1
                lines.append([])
                room = line
            lines[-1].append(int(row))
            room -= int(rows.lengths[row])
        if not made:
            yield pack(rows, [*lines, *([] for _ in range(count - len(lines)))], tokens=line)


def blank(batch_tokens: int, *, line: int = LINE) -> Batch:
    """Of the shape that packed batches have, without rows."""
    nothing = Rows(np.zeros(0, np.uint16), np.zeros(0, np.uint8), np.zeros(0, np.uint8), np.zeros(1, np.int64))
    return pack(nothing, [[] for _ in range(max(1, batch_tokens // line))], tokens=line)


def _epochs(parts: Sequence[Rows]) -> Iterator[tuple[int, Rows]]:
    """The parts in order, again and again, with the number of the epoch."""
    return ((epoch, rows) for epoch in itertools.count() for rows in parts)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, the next one made while the last one is used."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, items)
        while True:
            item = coming.result()
            coming = worker.submit(next, items)
            yield item
