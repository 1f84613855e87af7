"""What rows hold of the KV cache: found when they are admitted, kept when they end; pages until they are closed.

Called by worker, in its thread. Knows the tree, the adapters and the runner's tails; no scheduler, no events.
"""

from collections import Counter
from dataclasses import dataclass

from server.engine import PageInfo, PageTokens
from server.engine.local.forward.runner import Runner
from server.engine.local.kvcache import BASE_KIND, NoRoom, Segment, SegmentTree
from server.engine.local.lora import ResidentAdapters
from server.engine.local.scheduler import Row


class RowCache:
    def __init__(self, tree: SegmentTree, adapters: ResidentAdapters, runner: Runner) -> None:
        self._tree, self._adapters, self._runner = tree, adapters, runner
        self._pages: dict[tuple[int, ...], list[_HeldPage]] = {}

    def admit(self, row: Row) -> None:
        """Find the row's KV and hold it, make room for what it will write; read its adapter. Raises NoRoom."""
        if row.adapter_ref is not None:
            row.adapter = self._adapters.get(row.adapter_ref)
            if not row.adapter.activated:
                row.activation = 0
        shared, kind = row.ids[: row.activation], BASE_KIND
        if row.adapter is not None and not row.adapter.activated:
            shared, kind = row.ids, row.adapter.digest
        keep_one = shared if row.reads_page else shared[: len(row.ids) - 1]
        segment, row.done = self._tree.match(kind, keep_one)
        row.cached = row.done
        if segment is not None:
            row.segment = segment
            self._tree.lease(segment)
        tokens = row.pending + min(row.tokens_max, 128)
        if not self._make_room(self._runner.tails.bytes_for(tokens)):
            self.release(row)
            raise NoRoom(
                f"There is not enough memory for this page: its keys and values need {_mib(tokens, self._runner)} MiB, "
                f"and RETINUE_KV_BYTES_MAX is {self._tree.bytes_max // 1024**2}. Select a part of the page.",
            )
        row.tail = self._runner.new_tail(tokens)

    def release(self, row: Row) -> None:
        if row.segment is not None:
            self._tree.release(row.segment)
        if row.tail is not None:
            row.tail.free()
        row.segment, row.tail = None, None
        self._make_room(0)

    def keep(self, row: Row) -> None:
        """Hang what the row computed into the tree, for the next turn of its thread.

        What an activated adapter wrote is left out: PEFT computes a thread's earlier turns with the base.
        """
        assert row.tail is not None  # noqa: S101 - called for running rows only
        kind, until = BASE_KIND, row.done
        if row.adapter is not None and row.adapter.activated:
            until = min(until, row.activation)
        elif row.adapter is not None:
            kind = row.adapter.digest
        segment, known = self._tree.match(kind, row.ids[:until])
        if row.cached <= known < until:
            self._tree.add(kind, segment, row.ids[known:until], row.tail, start=known - row.cached)

    def hold_page(self, row: Row) -> PageInfo:
        """Hang the page that the row has read into the tree, and hold it until it is closed."""
        assert row.tail is not None  # noqa: S101 - called for admitted rows only
        segment = row.segment
        if row.tail.length:
            new = row.ids[row.cached :]
            segment = self._tree.add(BASE_KIND, segment, new, row.tail)
        assert segment is not None  # noqa: S101 - a page has tokens
        self._tree.lease(segment)
        self._pages.setdefault(tuple(row.ids), []).append(_HeldPage(row.client, segment))
        row.holds_page = True
        return PageInfo(len(row.ids), row.cached)

    def close_page(self, page: PageTokens) -> None:
        mine = next((one for one in self._pages.get(page.ids, ()) if one.client == page.client), None)
        if mine is not None:  # else it made way for others
            self._let_go(page.ids, mine)
        self._make_room(0)

    def _make_room(self, new_bytes: int) -> bool:
        """Evict until `new_bytes` more fit beside the tree and the tails: first what nobody holds, then pages that are
        open and not in use, the least recently used of the client that holds the most. False when that is not enough.
        """
        wanted = new_bytes + self._runner.tails.bytes
        while True:
            self._tree.evict(wanted)
            if self._tree.bytes + wanted <= self._tree.bytes_max:
                return True
            idle = self._idle_page()
            if idle is None:
                return False
            self._let_go(*idle)

    def _idle_page(self) -> "tuple[tuple[int, ...], _HeldPage] | None":
        open_pages = [(ids, page) for ids, held in self._pages.items() for page in held]
        bytes_of: Counter[str] = Counter()
        leases: Counter[Segment] = Counter(page.segment for _, page in open_pages)
        for _, page in open_pages:
            bytes_of[page.client] += sum(segment.bytes for segment in page.segment.path())
        idle = [(ids, page) for ids, page in open_pages
                if not self._tree.in_use(page.segment, leases=leases[page.segment])]  # fmt: skip
        return max(idle, key=lambda one: (bytes_of[one[1].client], -one[1].segment.used_at), default=None)

    def _let_go(self, ids: tuple[int, ...], page: "_HeldPage") -> None:
        """A question about the page reads it again."""
        self._tree.release(page.segment)
        self._pages[ids].remove(page)
        if not self._pages[ids]:
            del self._pages[ids]


@dataclass(eq=False, slots=True)
class _HeldPage:
    """A page that a client has open."""

    client: str
    segment: Segment


def _mib(tokens: int, runner: Runner) -> int:
    return -(-runner.tails.bytes_for(tokens) // 1024**2)
